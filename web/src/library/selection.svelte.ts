// Owns which items of the library are selected. Does not own the list: library does. Invariant: `ids` has listed items
// only, in the order of the list, so no action reaches an item that the member does not see.
import { SvelteSet } from 'svelte/reactivity';
import { session } from '../session/session.svelte';
import { library } from './library.svelte';

class Selection {
  /** Whether items are being selected. */
  active = $state(false);
  #marked = new SvelteSet<string>();
  /** Where a range starts: the item that was changed last. */
  #anchor: string | null = null;

  readonly ids = $derived(library.ids.filter((id) => this.#marked.has(id)));

  constructor() {
    session.onChange(() => this.end());
  }

  has(id: string): boolean {
    return this.#marked.has(id);
  }

  start(): void {
    this.active = true;
  }

  /** Selects an item, or no longer. With `extend`, all items from the one that was changed last get the same state. */
  toggle(id: string, extend = false): void {
    this.active = true;
    const [from, to] = [extend && this.#anchor !== null ? library.ids.indexOf(this.#anchor) : -1, library.ids.indexOf(id)];
    const range = from < 0 || to < 0 ? [id] : library.ids.slice(Math.min(from, to), Math.max(from, to) + 1);
    const isMarked = !this.#marked.has(id);
    for (const one of range) {
      if (isMarked) this.#marked.add(one);
      else this.#marked.delete(one);
    }
    this.#anchor = id;
  }

  /** Selects all items that are loaded. */
  selectAll(): void {
    this.active = true;
    for (const id of library.ids) this.#marked.add(id);
  }

  end(): void {
    this.active = false;
    this.#marked.clear();
    this.#anchor = null;
  }
}

export const selection = new Selection();
