// Owns the newest known state of every media item on this page, by id, so that a tile, the upload tray and the item's
// page never disagree. Does not fetch: the callers of the API put each response here.
import { SvelteMap } from 'svelte/reactivity';
import type { Media } from '../api/types';
import { session } from '../session/session.svelte';

class MediaStore {
  #items = new SvelteMap<string, Media>();

  constructor() {
    session.onChange(() => this.clear());
  }

  get(id: string): Media | undefined {
    return this.#items.get(id);
  }

  /** Stores an item unless a newer state is known: responses may arrive out of order. */
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
