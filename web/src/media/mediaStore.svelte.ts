// Owns the newest known view of every media item on this page, by id, so that a tile, the upload tray and the
// watch page never disagree. Does not fetch: whoever learns something puts it here.
import { SvelteMap } from 'svelte/reactivity';
import type { Media } from '../api/types';

class MediaStore {
  #items = new SvelteMap<string, Media>();

  get(id: string): Media | undefined {
    return this.#items.get(id);
  }

  /** Keeps a view unless a newer one is here already; answers may overtake each other. */
  put(media: Media): void {
    const known = this.#items.get(media.id);
    if (known && known.updated_at > media.updated_at) return;
    this.#items.set(media.id, media);
  }

  progress(id: string, progress: Media['progress']): void {
    const known = this.#items.get(id);
    if (known) this.#items.set(id, { ...known, progress });
  }

  remove(id: string): void {
    this.#items.delete(id);
  }

  clear(): void {
    this.#items.clear();
  }
}

export const mediaStore = new MediaStore();
