// Proves that one clip plays at a time, the one in the middle, and none by itself where the reader's device asks for that.
import { expect, it } from 'vitest';
import { clipToPlay, playsByItself, type VisibleClip } from './autoplay';

const FREE = { reducesMotion: false, savesData: false };
const NONE = new Set<number>();
const clips: VisibleClip[] = [
  { id: 1, ratio: 0.7, distance: 300 },
  { id: 2, ratio: 1, distance: 40 },
  { id: 3, ratio: 0.2, distance: 10 },
];

it('the clip nearest to the middle plays, if enough of it is on the screen', () => {
  expect(clipToPlay(clips, FREE, null, NONE)).toBe(2);
  expect(clipToPlay(clips.slice(2), FREE, null, NONE)).toBeNull();
  expect(clipToPlay([], FREE, null, NONE)).toBeNull();
});

it('what the reader has started or paused counts more', () => {
  expect(clipToPlay(clips, FREE, 1, NONE)).toBe(1);
  expect(clipToPlay(clips, FREE, 3, NONE), 'it has left the screen').toBe(2);
  expect(clipToPlay(clips, FREE, null, new Set([2]))).toBe(1);
  expect(clipToPlay(clips, FREE, null, new Set([1, 2]))).toBeNull();
});

it('nothing plays by itself with less motion or while data is saved; what the reader starts does', () => {
  for (const preference of [{ reducesMotion: true, savesData: false }, { reducesMotion: false, savesData: true }]) {
    expect(playsByItself(preference)).toBe(false);
    expect(clipToPlay(clips, preference, null, NONE)).toBeNull();
    expect(clipToPlay(clips, preference, 1, NONE)).toBe(1);
  }
});
