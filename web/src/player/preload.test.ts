// Proves where nothing of a stream is fetched before Play.
import { expect, it } from 'vitest';
import { loadsBeforePlay } from './preload';

const desktop = { hasCoarsePointer: false, width: 1440, savesData: false };

it('loads before Play on a desktop alone', () => {
  expect(loadsBeforePlay(desktop)).toBe(true);
  expect(loadsBeforePlay({ ...desktop, hasCoarsePointer: true })).toBe(false);
  expect(loadsBeforePlay({ ...desktop, width: 719 })).toBe(false);
  expect(loadsBeforePlay({ ...desktop, savesData: true })).toBe(false);
});
