// Owns the album that was opened last, so that its items can be stepped through without fetching it for each of them.
// Invariant: one album is kept at a time, and none for another member.
import { session } from '../session/session.svelte';
import { OpenAlbum } from './openAlbum.svelte';

let last: OpenAlbum | null = null;
session.onChange(() => (last = null));

/** Returns the album with this id. Unless it was opened last, nothing of it is fetched yet. */
export function openAlbum(id: string): OpenAlbum {
  if (last?.id !== id) last = new OpenAlbum(id);
  return last;
}
