// Owns which items of a shared album others do not see. The server decides; the page only tells the owner beforehand.
import type { Visibility } from '../api/types';

/** Whether an album hides an item from others: an album shows items that are shared at least as widely as itself. */
export function isHidden(item: Visibility, album: Visibility): boolean {
  if (album === 'public') return item !== 'public';
  return album === 'unlisted' && item === 'private';
}
