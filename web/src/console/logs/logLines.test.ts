// Proves that lines are shown once, in their order, and not without bound.
import { expect, it } from 'vitest';
import type { LogLine } from '../api/types';
import { isLevelWell, MAX_LINES, mergeNewest, withIds } from './logLines';

const line = (second: number, message = 'x'): LogLine => ({
  at: new Date(Date.parse('2026-05-17T09:00:00Z') + second * 1000).toISOString(), level: 'info', process: 'p', target: 't', message, fields: {},
});
const messages = (lines: readonly LogLine[]): string[] => lines.map(({ message }) => message);

it('new lines come first, and none twice', () => {
  const shown = withIds([line(2, 'b'), line(1, 'a')]);
  const newest = withIds([line(4, 'd'), line(3, 'c'), line(2, 'b')]);
  const merged = mergeNewest(shown, newest, false);
  expect([messages(merged.lines), merged.hasGap]).toEqual([['d', 'c', 'b', 'a'], false]);
  expect(mergeNewest(merged.lines, newest, false).lines).toEqual(merged.lines);
});

it('lines that are alike are as many as there are', () => {
  const shown = withIds([line(1), line(1)]);
  expect(new Set(shown.map(({ id }) => id)).size).toBe(2);
  expect(mergeNewest(shown, withIds([line(1), line(1), line(1)]), true).lines).toHaveLength(3);
});

it('a page that nothing joins to the one before takes its place', () => {
  const shown = withIds([line(1, 'a')]);
  expect(mergeNewest(shown, withIds([line(9, 'z')]), false)).toMatchObject({ hasGap: true, lines: [{ message: 'z' }] });
  // A process that was started anew has forgotten its old lines; nothing is missing between.
  expect(messages(mergeNewest(shown, withIds([line(9, 'z')]), true).lines)).toEqual(['z', 'a']);
  expect(messages(mergeNewest(shown, [], true).lines)).toEqual(['a']);
});

it('only so many lines are kept, the newest', () => {
  const shown = withIds(Array.from({ length: MAX_LINES }, (_, at) => line(-at, `old ${at}`)));
  const { lines, isCut } = mergeNewest(shown, withIds([line(1, 'new'), line(0, 'old 0')]), false);
  expect([lines.length, isCut, lines[0]?.message, lines.at(-1)?.message]).toEqual([MAX_LINES, true, 'new', `old ${MAX_LINES - 2}`]);
});

it('warnings and errors stand out', () => {
  expect(['ERROR', 'warn', 'info', 'debug'].map(isLevelWell)).toEqual([false, false, null, null]);
});
