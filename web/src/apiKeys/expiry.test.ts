// Proves when a key ends: after days, at the end of a day, or never.
import { expect, it } from 'vitest';
import { expiryTime, isOver } from './expiry';

const NOW = Date.parse('2026-05-17T12:00:00Z');

it('a key ends after days, at the end of a day of the member’s zone, or never', () => {
  expect(expiryTime('30', '', NOW)).toBe('2026-06-16T12:00:00.000Z');
  expect(expiryTime('never', '', NOW)).toBeUndefined();
  expect(expiryTime('date', '2026-05-19', NOW)).toBe(new Date(2026, 4, 19, 23, 59, 59).toISOString());
  for (const day of ['', 'soon', '2026-05-15', '2026-02-31x']) expect(expiryTime('date', day, NOW), day).toBeNull();
});

it('a key that never expires is not over', () => {
  expect([isOver(null, NOW), isOver('2026-05-17T12:00:00Z', NOW), isOver('2026-05-17T12:00:01Z', NOW)]).toEqual([false, true, false]);
});
