// Owns a list that is fetched page by page: what was fetched, what comes next, and what went wrong. Does not own which list
// it is. Invariant: a response that was overtaken by a new search is dropped, and no item is in the list twice.

export interface PageOf<T> {
  items: T[];
  /** Where the next page starts; nothing on the last page. */
  next?: string | null;
}

export class Paged<T> {
  items = $state.raw<T[]>([]);
  /** Whether the first page is there. */
  loaded = $state(false);
  loading = $state(false);
  error = $state.raw<unknown>(null);
  #next = $state<string | null>(null);
  #version = 0;

  /** `key` says which items are the same. */
  constructor(
    private readonly fetchPage: (after: string | null) => Promise<PageOf<T>>,
    private readonly key: (item: T) => string | number,
  ) {}

  get hasMore(): boolean {
    return this.#next !== null;
  }

  /** Fetches the first page, in place of all that is there. */
  async reload(): Promise<void> {
    this.#version += 1;
    this.loaded = false;
    this.items = [];
    this.#next = null;
    await this.#fetch(null);
  }

  /** Fetches the next page, or tries the failed one again. */
  async loadMore(): Promise<void> {
    if (this.loading) return;
    if (!this.loaded) return this.reload();
    if (this.#next !== null) await this.#fetch(this.#next);
  }

  /** Shows these items, which were fetched otherwise, and goes on at `next`. */
  replace(items: T[], next: string | null): void {
    this.items = items;
    this.#next = next;
  }

  async #fetch(after: string | null): Promise<void> {
    const version = this.#version;
    this.loading = true;
    this.error = null;
    try {
      const { items, next = null } = await this.fetchPage(after);
      if (version !== this.#version) return;
      const known = new Set(this.items.map(this.key));
      this.items = [...this.items, ...items.filter((item) => !known.has(this.key(item)))];
      // A page that leads to itself would never end.
      this.#next = next === after ? null : next;
      this.loaded = true;
    } catch (cause) {
      if (version === this.#version) this.error = cause;
    } finally {
      if (version === this.#version) this.loading = false;
    }
  }
}

/** How many pages of a list that is short by its nature are fetched at most. */
const MAX_PAGES = 20;

/** Returns a list that is short by its nature, such as the processes of a fleet, as a whole. */
export async function wholeList<T>(fetchPage: (after: string | null) => Promise<PageOf<T>>): Promise<T[]> {
  const all: T[] = [];
  let after: string | null = null;
  for (let pages = 0; pages < MAX_PAGES; pages += 1) {
    const { items, next = null }: PageOf<T> = await fetchPage(after);
    all.push(...items);
    if (next === null || next === after) break;
    after = next;
  }
  return all;
}
