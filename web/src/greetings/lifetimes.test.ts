// Proves that every lifetime that is offered is one that the server takes, and when a link has ended.
import { expect, it } from 'vitest';
import { DEFAULT_DAYS, hasEnded, LIFETIME_DAYS, secondsOfDays } from './lifetimes';

it('lifetimes are within what the server allows', () => {
  for (const days of LIFETIME_DAYS) expect(secondsOfDays(days) >= 60 && secondsOfDays(days) <= 7_776_000, String(days)).toBe(true);
  expect(LIFETIME_DAYS).toContain(DEFAULT_DAYS);
});

it('a link has ended at its time', () => {
  const now = Date.parse('2026-06-27T18:30:00Z');
  expect(hasEnded('2026-06-27T18:30:00Z', now)).toBe(true);
  expect(hasEnded('2026-06-27T18:30:01Z', now)).toBe(false);
});
