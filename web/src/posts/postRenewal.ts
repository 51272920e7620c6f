// Owns reading a post again when the URLs in it have ended: those of its media and of its song.
import * as calls from '../api/posts';
import { postStore } from './postStore.svelte';

/** What fails again so soon is not mended by a new URL. */
const RENEWAL_MS = 60_000;

/** Returns a function that reads a post again, at most once a minute. */
export function postRenewal(): (id: string, link: string | null) => Promise<void> {
  let renewedAt = -Infinity;
  return async (id, link) => {
    if (performance.now() - renewedAt < RENEWAL_MS) return;
    renewedAt = performance.now();
    await calls.get(id, link).then((fresh) => postStore.put(fresh), () => undefined);
  };
}
