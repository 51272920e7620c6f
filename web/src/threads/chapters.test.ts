// Proves that the chapters are the clips that the programme plays, each at its time, and that none plays while one is covered.
import { expect, it } from 'vitest';
import type { Post, ThreadPart } from '../api/types';
import { chapterAt, chaptersOf, coveredClip, secondsOf, type Chapter } from './chapters';

const post = (id: string, name: string, state: string, duration_ms: number | null): Post => ({ id, author: { handle: id, display_name: name }, media: [{ kind: 'photo', state: 'ready' }, { kind: 'video', state, duration_ms, urls: { hls: '/hls' } }] }) as unknown as Post;
const part = (state: string, of: Post): ThreadPart => ({ id: of.id, state, post: of }) as unknown as ThreadPart;

const chapters = chaptersOf(post('o', 'Ada', 'ready', 4_000), [
  part('joined', post('a', '', 'ready', 6_500)),
  part('joined', post('b', 'Bob', 'failed', 5_000)),
  part('pending', post('c', 'Eve', 'ready', 5_000)),
  part('joined', post('d', 'Dan', 'ready', 1_000)),
  part('joined', post('e', 'Kim', 'playable', 2_000)),
  part('joined', post('f', 'Liz', 'ready', 3_000)),
]);

it('lost clips and parts that have no place are in no chapter, and the last chapter is before a clip that is still converted', () => {
  expect(chapters.map(({ name, start }) => [name, start])).toEqual([['Ada', 0], ['a', 4], ['Dan', 10.5]]);
  expect(secondsOf(chapters)).toBe(11.5);
  expect(chaptersOf(post('o', 'Ada', 'processing', null), [])).toEqual([]);
});

it('a time is in the last chapter that has begun', () => {
  const at = (time: number): string | undefined => chapterAt(chapters, time)?.id;
  expect([at(0), at(3.9), at(3.96), at(10.4), at(99)]).toEqual(['o', 'o', 'a', 'a', 'd']);
  expect(chapterAt([], 1)).toBeNull();
});

it('a programme is covered until every sensitive clip was opened', () => {
  const sensitive = chapters.map((chapter): Chapter => ({ ...chapter, clip: { ...chapter.clip, sensitive: chapter.id === 'd' } }));
  expect(coveredClip(chapters, [])).toBeUndefined();
  expect(coveredClip(sensitive, ['o', 'a'])).toBe(sensitive[2]?.clip);
  expect(coveredClip(sensitive, ['o', 'a', 'd'])).toBeUndefined();
});
