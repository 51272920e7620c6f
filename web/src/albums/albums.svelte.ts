// Owns the list of the member's albums, newest first. Does not own the items in them: openAlbum.svelte.ts does.
// Invariant: the response to one member's request never reaches the list of another.
import * as calls from '../api/albums';
import type { Album } from '../api/types';
import { mediaStore } from '../media/mediaStore.svelte';
import { session } from '../session/session.svelte';

const PAGE_SIZE = 48;

class Albums {
  items = $state.raw<Album[]>([]);
  loading = $state(false);
  /** Whether the first page has arrived. */
  loaded = $state(false);
  error = $state.raw<unknown>(null);
  #nextCursor = $state<string | null>(null);
  #generation = 0;

  constructor() {
    session.onChange(() => this.clear());
  }

  get hasMore(): boolean {
    return this.loaded && this.#nextCursor !== null;
  }

  /** Fetches the first page; what is listed stays until it has arrived. */
  async show(): Promise<void> {
    this.#generation += 1;
    this.#nextCursor = null;
    await this.#load(true);
  }

  async loadMore(): Promise<void> {
    if (!this.loading && this.hasMore) await this.#load(false);
  }

  /** Stores the newest state of an album; a new one comes first. */
  put(album: Album): void {
    const isKnown = this.items.some((known) => known.id === album.id);
    this.items = isKnown ? this.items.map((known) => (known.id === album.id ? album : known)) : [album, ...this.items];
  }

  remove(id: string): void {
    this.items = this.items.filter((album) => album.id !== id);
  }

  clear(): void {
    this.#generation += 1;
    this.items = [];
    this.loading = false;
    this.loaded = false;
    this.error = null;
    this.#nextCursor = null;
  }

  async #load(isFirst: boolean): Promise<void> {
    const generation = this.#generation;
    this.loading = true;
    this.error = null;
    try {
      const page = await calls.list(PAGE_SIZE, this.#nextCursor ?? undefined);
      if (generation !== this.#generation) return;
      for (const album of page.items) if (album.cover) mediaStore.put(album.cover);
      const known = new Set(isFirst ? [] : this.items.map((album) => album.id));
      this.items = [...(isFirst ? [] : this.items), ...page.items.filter((album) => !known.has(album.id))];
      this.#nextCursor = page.next ?? null;
      this.loaded = true;
    } catch (error) {
      if (generation === this.#generation) this.error = error;
    } finally {
      if (generation === this.#generation) this.loading = false;
    }
  }
}

export const albums = new Albums();
