// Owns a list that is fetched page by page: what was fetched, what follows, and what went wrong. Does not own which list it is.
// Invariant: a response that a reload has overtaken is dropped, and no item is in the list twice.
import { isProblem } from '../api/problem';

export interface KeysetPage<T> {
  items: T[];
  /** Where the next page begins; nothing on the last page. */
  next?: string | null;
}

export class KeysetList<T> {
  items = $state.raw<T[]>([]);
  loading = $state(false);
  /** Whether the first page has arrived. */
  loaded = $state(false);
  error = $state.raw<unknown>(null);
  #nextCursor = $state<string | null>(null);
  #generation = 0;

  /** `keyOf` says which items are the same. */
  constructor(
    private readonly fetchPage: (after?: string) => Promise<KeysetPage<T>>,
    private readonly keyOf: (item: T) => string,
  ) {}

  get hasMore(): boolean {
    return this.#nextCursor !== null;
  }

  get isEmpty(): boolean {
    return this.loaded && !this.hasMore && this.items.length === 0;
  }

  /** Fetches the first page; what is listed stays until it has arrived. */
  async load(): Promise<void> {
    this.#generation += 1;
    await this.#fetch(null);
  }

  /** Fetches the next page, or tries again what has failed. */
  async loadMore(): Promise<void> {
    if (this.loading) return;
    // The server does not know its own cursor any more: the order is made anew from time to time.
    if (!this.loaded || isProblem(this.error, 'social.wrong_cursor')) return this.load();
    if (this.#nextCursor !== null) await this.#fetch(this.#nextCursor);
  }

  /** Puts an item at the start, or in the place of its older state. */
  put(item: T): void {
    const key = this.keyOf(item);
    const isKnown = this.items.some((known) => this.keyOf(known) === key);
    this.items = isKnown ? this.items.map((known) => (this.keyOf(known) === key ? item : known)) : [item, ...this.items];
  }

  /** Puts an item at the end. */
  append(item: T): void {
    const key = this.keyOf(item);
    this.items = [...this.items.filter((known) => this.keyOf(known) !== key), item];
  }

  remove(key: string): void {
    this.items = this.items.filter((item) => this.keyOf(item) !== key);
  }

  async #fetch(after: string | null): Promise<void> {
    const generation = this.#generation;
    this.loading = true;
    this.error = null;
    try {
      const { items, next = null } = await this.fetchPage(after ?? undefined);
      if (generation !== this.#generation) return;
      const before = after === null ? [] : this.items;
      const known = new Set(before.map(this.keyOf));
      this.items = [...before, ...items.filter((item) => !known.has(this.keyOf(item)))];
      // A page that leads to itself would never end.
      this.#nextCursor = next === after ? null : next;
      this.loaded = true;
    } catch (cause) {
      if (generation === this.#generation) this.error = cause;
    } finally {
      if (generation === this.#generation) this.loading = false;
    }
  }
}
