// Owns where a dragged row of a list is dropped. Does not own the list or the pointer. Invariant: a row that is dropped
// beside its own place goes nowhere.
import type { Destination } from '../api/albums';

/** Returns the gap between rows that is nearest to a height: 0 is above the first row. */
export function gapAt(rows: readonly { top: number; bottom: number }[], y: number): number {
  return rows.filter(({ top, bottom }) => (top + bottom) / 2 < y).length;
}

/** Returns where the item at an index goes that is dropped into a gap; `null` where it stays. */
export function destinationOf(ids: readonly string[], index: number, gap: number): Destination | null {
  if (gap === index || gap === index + 1) return null;
  const [before, after] = [ids[gap], ids.at(-1)];
  if (before !== undefined) return { before };
  return after === undefined ? null : { after };
}
