// Proves that filters survive the URL, and which entries they ask for.
import { expect, it } from 'vitest';
import { auditQuery, filterFromUrl, filterPath, isReversed, startOfDay } from './auditFilter';

const EMPTY = { who: '', action: '', on: '', since: '', until: '' };

it('filters are the same after a reload', () => {
  const filter = { ...EMPTY, who: 'machine:root & co', on: '0198b2a4', until: '2026-05-17' };
  expect(filterFromUrl(new URL(filterPath(filter), 'http://x').searchParams)).toEqual(filter);
  expect([filterPath({}), filterPath({ who: '  ' }), filterPath({ on: ' a ' })]).toEqual(['/audit', '/audit', '/audit?on=a']);
  expect(filterFromUrl(new URLSearchParams('who=%20ada&x=1'))).toEqual({ ...EMPTY, who: 'ada' });
});

it('both days are included, in the reader’s time zone', () => {
  const { since, until } = auditQuery({ ...EMPTY, since: '2026-05-17', until: '2026-05-17' });
  expect([new Date(since!).getHours(), new Date(until!).getHours()]).toEqual([0, 0]);
  expect([new Date(since!).getDate(), new Date(until!).getDate()]).toEqual([17, 18]);
  expect(auditQuery({ ...EMPTY, who: '@ada' })).toEqual({ who: 'ada' });
  expect(isReversed({ ...EMPTY, since: '2026-05-18', until: '2026-05-17' })).toBe(true);
  expect(isReversed({ ...EMPTY, since: '2026-05-17', until: '2026-05-17' })).toBe(false);
});

it('what is no day is left out', () => {
  for (const day of ['', 'yesterday', '2026-02-30', '2026-13-01', '2026-5-1', '2026-05-17T00:00:00Z']) expect(startOfDay(day, 0), day).toBeNull();
  expect(auditQuery({ ...EMPTY, since: '2026-02-30' })).toEqual({});
});
