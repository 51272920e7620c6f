// Proves that pictures move by themselves only where motion is wanted, and that the button has the last word.
import { expect, it } from 'vitest';
import { isMoving } from './motion';

const desktop = { reducesMotion: false, savesData: false };

it('moves by itself unless less motion is wanted or data is saved', () => {
  expect(isMoving(desktop, null)).toBe(true);
  expect(isMoving({ ...desktop, reducesMotion: true }, null)).toBe(false);
  expect(isMoving({ ...desktop, savesData: true }, null)).toBe(false);
});

it('does as the member chose', () => {
  expect(isMoving(desktop, false)).toBe(false);
  expect(isMoving({ reducesMotion: true, savesData: true }, true)).toBe(true);
});
