// Proves which lines the filters ask for.
import { expect, it } from 'vitest';
import { instant, isReversed, LOG_FIELDS, logsQuery, type LogFilter } from './logFilter';

const EMPTY = Object.fromEntries(LOG_FIELDS.map((name) => [name, ''])) as LogFilter;

it('times are those of the reader’s time zone, and texts are sent as they are', () => {
  const { since, until, ...texts } = logsQuery({ ...EMPTY, level: 'warn', request: ' 0198c5a4 ', since: '2026-05-17T09:30', until: '2026-05-17T10:00:30' });
  expect(texts).toEqual({ level: 'warn', request: '0198c5a4' });
  expect([new Date(since!).getHours(), new Date(since!).getMinutes(), new Date(until!).getSeconds()]).toEqual([9, 30, 30]);
  expect(logsQuery(EMPTY)).toEqual({});
});

it('what is no time is not sent, and an end before the beginning is known', () => {
  for (const time of ['', 'yesterday', '2026-05-17', '2026-13-01T09:30', '2026-05-17T25:00', '2026-05-17T09:30Z']) expect(instant(time), time).toBeNull();
  expect(logsQuery({ ...EMPTY, since: 'yesterday' })).toEqual({});
  expect(isReversed({ since: '2026-05-17T10:00', until: '2026-05-17T09:00' })).toBe(true);
  expect(isReversed({ since: '2026-05-17T09:00', until: '2026-05-17T10:00' })).toBe(false);
  expect(isReversed({ since: '', until: '2026-05-17T10:00' })).toBe(false);
});
