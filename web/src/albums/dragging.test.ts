// Proves where a dragged item of an album is dropped.
import { expect, it } from 'vitest';
import { destinationOf, gapAt } from './dragging';

it('a dragged row goes into the nearest gap, and stays where it is beside its own place', () => {
  const rows = [0, 10, 20].map((top) => ({ top, bottom: top + 10 }));
  expect([-50, 4, 6, 14, 16, 24, 26, 500].map((y) => gapAt(rows, y))).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
  const ids = ['a', 'b', 'c'];
  expect([0, 1, 2, 3].map((gap) => destinationOf(ids, 0, gap))).toEqual([null, null, { before: 'c' }, { after: 'c' }]);
  expect([0, 1, 2, 3].map((gap) => destinationOf(ids, 1, gap))).toEqual([{ before: 'a' }, null, null, { after: 'c' }]);
  expect([0, 1, 2, 3].map((gap) => destinationOf(ids, 2, gap))).toEqual([{ before: 'a' }, { before: 'b' }, null, null]);
  expect(destinationOf([], 0, 5)).toBeNull();
});
