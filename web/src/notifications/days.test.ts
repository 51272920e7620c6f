// Proves that notices are grouped by the days of the calendar.
import { expect, it } from 'vitest';
import { groupByDay } from './days';

const at = (year: number, month: number, day: number, hour: number, minute = 0): { created_at: string } => ({ created_at: new Date(year, month - 1, day, hour, minute).toISOString() });

it('groups by the day on which something came, in the order of the list', () => {
  const items = [at(2026, 11, 30, 9), at(2026, 11, 30, 0, 1), at(2026, 11, 29, 23, 59), at(2026, 11, 1, 12)];
  const days = groupByDay(items, new Date(2026, 10, 30, 10));
  expect(days.map(({ key, age, items: { length } }) => [key, age, length])).toEqual([
    ['2026-11-30', 0, 2],
    ['2026-11-29', 1, 1],
    ['2026-11-01', 29, 1],
  ]);
  expect(groupByDay([], new Date())).toEqual([]);
});

it('counts days of the calendar, also across a change of the clock', () => {
  // In the zones that change it, these follow nights of 23 or 25 hours.
  for (const [month, day] of [[3, 29], [10, 25]] as const) {
    expect(groupByDay([at(2026, month, day - 1, 23, 30)], new Date(2026, month - 1, day, 0, 30))[0]?.age).toBe(1);
    expect(groupByDay([at(2026, month, day, 0, 1)], new Date(2026, month - 1, day, 23, 59))[0]?.age).toBe(0);
  }
});
