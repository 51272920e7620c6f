// Proves the words for numbers.
import { expect, it } from 'vitest';
import { formatRemaining, formatBytes, formatDuration, spokenDuration } from './format';

it('says sizes', () => {
  expect([0, 1, 999, 1500, 12_345_678, 4e9].map(formatBytes)).toEqual(['0 bytes', '1 byte', '999 bytes', '1.5 KB', '12.3 MB', '4.0 GB']);
});

it('says lengths', () => {
  expect([0, 5.9, 65.2, 3671, Number.NaN, Infinity].map(formatDuration)).toEqual(['0:00', '0:05', '1:05', '1:01:11', '0:00', '0:00']);
  expect(spokenDuration(3661)).toBe('1 hour 1 minute 1 second');
  expect(spokenDuration(0)).toBe('0 seconds');
});

it('says roughly what is left', () => {
  expect([2, 31, 119, 5400].map(formatRemaining)).toEqual(['a few seconds left', '30 s left', '2 min left', '1.5 h left']);
});
