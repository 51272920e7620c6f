// Owns the member's trash as it is listed, what was deleted last first. Invariant: a response for one member never reaches
// the list of another.
import * as calls from '../api/media';
import type { Media } from '../api/types';
import { session } from '../session/session.svelte';

const PAGE_SIZE = 48;

class Trash {
  items = $state.raw<Media[]>([]);
  loading = $state(false);
  /** Whether the first page has arrived. */
  loaded = $state(false);
  error = $state.raw<unknown>(null);
  #nextCursor = $state<string | null>(null);
  #generation = 0;

  constructor() {
    session.onChange(() => this.#clear());
  }

  get hasMore(): boolean {
    return this.loaded && this.#nextCursor !== null;
  }

  /** Fetches the first page; what was listed before stays until it arrives. */
  async show(): Promise<void> {
    this.#nextCursor = null;
    await this.#load([]);
  }

  async loadMore(): Promise<void> {
    if (!this.loading && this.hasMore) await this.#load(this.items);
  }

  /** Takes an item off the list, which was restored or deleted for good. */
  drop(id: string): void {
    this.items = this.items.filter((media) => media.id !== id);
  }

  #clear(): void {
    this.#generation += 1;
    this.items = [];
    this.loaded = false;
    this.loading = false;
    this.error = null;
    this.#nextCursor = null;
  }

  async #load(before: Media[]): Promise<void> {
    const generation = (this.#generation += 1);
    this.loading = true;
    try {
      const page = await calls.listTrash(PAGE_SIZE, this.#nextCursor ?? undefined);
      if (generation !== this.#generation) return;
      this.items = [...before, ...page.items];
      this.#nextCursor = page.next ?? null;
      this.loaded = true;
      this.error = null;
    } catch (error) {
      if (generation === this.#generation) this.error = error;
    } finally {
      if (generation === this.#generation) this.loading = false;
    }
  }
}

export const trash = new Trash();
