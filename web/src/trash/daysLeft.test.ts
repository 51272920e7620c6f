// Proves that days are rounded up, and that the last one does not end early.
import { expect, it } from 'vitest';
import { daysLeft } from './daysLeft';

it('rounds up and ends with one', () => {
  const now = Date.parse('2026-06-01T12:00:00Z');
  expect(['2026-07-01T12:00:00Z', '2026-07-01T11:59:59.5Z', '2026-06-02T12:00:00.000001Z', '2026-06-01T13:00:00Z', '2026-05-31T12:00:00Z'].map((at) => daysLeft(at, now))).toEqual([30, 30, 1, 1, 1]);
});
