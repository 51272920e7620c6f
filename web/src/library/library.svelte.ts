// Owns the member's library as it is listed: ids in order, the filter, the next page. Does not own the items:
// mediaStore does. Invariant: the response to an earlier filter never reaches a later list.
import * as calls from '../api/media';
import type { Filter } from '../api/media';
import { isAway, Retrier } from '../api/retrier';
import type { Media } from '../api/types';
import { mediaStore } from '../media/mediaStore.svelte';
import { session } from '../session/session.svelte';
import { compareTexts } from '../ui/format';
import { uploads } from '../upload/queue.svelte';

const PAGE_SIZE = 48;

class Library {
  ids = $state<string[]>([]);
  filter = $state.raw<Filter>({});
  loading = $state(false);
  /** Whether the first page of this filter has arrived. */
  loaded = $state(false);
  error = $state.raw<unknown>(null);
  #nextCursor = $state<string | null>(null);
  #generation = 0;
  #retrier = new Retrier(() => void (this.#nextCursor === null ? this.show(this.filter) : this.#load(false)));

  readonly items = $derived(this.ids.map((id) => mediaStore.get(id)).filter((media): media is Media => media !== undefined));
  /** Every tag of the listed items, most used first. */
  readonly tags = $derived.by(() => {
    const counts = new Map<string, number>();
    for (const media of this.items) for (const tag of media.tags) counts.set(tag, (counts.get(tag) ?? 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1] || compareTexts(a[0], b[0])).map(([tag]) => tag);
  });

  /** Whether the server is away; the list is then fetched again by itself. */
  get isAway(): boolean {
    return isAway(this.error);
  }

  constructor() {
    session.onChange(() => this.clear());
    uploads.onArrived((id) => this.add(id));
  }

  get hasMore(): boolean {
    return this.loaded && this.#nextCursor !== null;
  }

  /** Returns the nearest item before (-1) or after (1) another in the list, of those that fit. */
  adjacent(id: string, step: 1 | -1, fits: (media: Media) => boolean = () => true): string | undefined {
    const start = this.ids.indexOf(id);
    if (start < 0) return undefined;
    for (let at = start + step; at >= 0 && at < this.ids.length; at += step) {
      const media = mediaStore.get(this.ids[at] ?? '');
      if (media && fits(media)) return media.id;
    }
    return undefined;
  }

  async show(filter: Filter): Promise<void> {
    if (!this.isAway) this.error = null;
    const isReload = this.loaded && JSON.stringify(filter) === JSON.stringify(this.filter);
    this.filter = filter;
    this.#nextCursor = null;
    this.#generation += 1;
    this.loading = false;
    if (!isReload) {
      this.loaded = false;
      this.ids = [];
    }
    await this.#load(isReload);
  }

  async loadMore(): Promise<void> {
    if (this.loading || !this.hasMore) return;
    await this.#load(false);
  }

  /** Puts a new or a restored item in its place, if it matches the filter. */
  add(id: string): void {
    const media = mediaStore.get(id);
    if (!media || this.ids.includes(id) || !matchesFilter(media, this.filter)) return;
    const time = sortTime(media, this.filter);
    const at = this.items.findIndex((other) => sortTime(other, this.filter) <= time);
    const next = this.items[at];
    if (next) this.ids.splice(this.ids.indexOf(next.id), 0, id);
    // A page that follows has it.
    else if (this.#nextCursor === null) this.ids.push(id);
  }

  remove(id: string): void {
    this.ids = this.ids.filter((other) => other !== id);
    mediaStore.remove(id);
  }

  clear(): void {
    this.#generation += 1;
    this.#retrier.stop();
    this.error = null;
    this.ids = [];
    this.loaded = false;
    this.#nextCursor = null;
  }

  async #load(replace: boolean): Promise<void> {
    const generation = this.#generation;
    this.loading = true;
    try {
      let page = await calls.list(this.filter, PAGE_SIZE, this.#nextCursor ?? undefined);
      // A page may be empty although further pages are not.
      while (generation === this.#generation && page.items.length === 0 && page.next) page = await calls.list(this.filter, PAGE_SIZE, page.next);
      if (generation !== this.#generation) return;
      for (const media of page.items) mediaStore.put(media);
      const ids = page.items.map((media) => media.id);
      this.ids = replace ? ids : [...new Set([...this.ids, ...ids])];
      this.#nextCursor = page.next ?? null;
      this.loaded = true;
      this.error = null;
      this.#retrier.stop();
    } catch (error) {
      if (generation !== this.#generation) return;
      this.error = error;
      if (this.isAway) this.#retrier.failed();
      else this.#retrier.stop();
    } finally {
      if (generation === this.#generation) this.loading = false;
    }
  }
}

/** Returns the time by which the server sorts an item, in milliseconds. */
const sortTime = (media: Media, filter: Filter): number => Date.parse((filter.sort === 'taken' && media.taken_at) || media.created_at);

/** Whether the server would list the item under this filter, as far as the browser knows. */
export function matchesFilter(media: Media, filter: Filter): boolean {
  if (filter.kind && media.kind !== filter.kind) return false;
  if (filter.state && media.state !== filter.state) return false;
  if (filter.visibility && media.visibility !== filter.visibility) return false;
  if (filter.tag && !media.tags.includes(filter.tag)) return false;
  const text = [media.name, ...media.tags].join(' ').toLowerCase();
  return !filter.q || filter.q.toLowerCase().split(/[^\p{L}\p{N}]+/u).every((word) => text.includes(word));
}

export const library = new Library();
