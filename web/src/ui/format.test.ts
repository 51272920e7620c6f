// Proves how sizes and durations are written.
import { expect, it } from 'vitest';
import { formatRemaining, formatBytes, formatDuration, formatMemory, formatShortTime, spokenDuration } from './format';

it('writes sizes', () => {
  expect([0, 1, 999, 1500, 12_345_678, 4e9].map(formatBytes)).toEqual(['0 bytes', '1 byte', '999 bytes', '1.5 kB', '12.3 MB', '4.0 GB']);
});

it('writes memory in MiB', () => {
  expect([0, 104_857_600, 2_147_483_648].map(formatMemory)).toEqual(['0 MiB', '100 MiB', '2,048 MiB']);
});

it('writes durations', () => {
  expect([0, 5.9, 65.2, 3671, Number.NaN, Infinity].map(formatDuration)).toEqual(['0:00', '0:05', '1:05', '1:01:11', '0:00', '0:00']);
  expect(spokenDuration(3661)).toBe('1 hour 1 minute 1 second');
  expect(spokenDuration(0)).toBe('0 seconds');
});

it('rounds the remaining time', () => {
  expect([2, 31, 119, 5400].map(formatRemaining)).toEqual(['a few seconds left', '30 sec left', '2 min left', '1.5 hr left']);
});

it('writes as much of a time as tells it from now', () => {
  const now = new Date(2026, 10, 30, 20, 0);
  const short = (...parts: [number, number, number, number]): string => formatShortTime(new Date(...parts).toISOString(), now).replace('\u202f', ' ');
  expect([short(2026, 10, 30, 8), short(2026, 10, 29, 23), short(2025, 11, 1, 8)]).toEqual(['8:00 AM', 'Nov 29', 'Dec 1, 2025']);
});
