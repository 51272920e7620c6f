// Owns the album whose page is open: its details, the ids of its items in order, and the next page. Does not own the
// items: mediaStore does. Invariant: the order changes here only after the server has accepted it.
import * as calls from '../api/albums';
import type { Destination } from '../api/albums';
import type { Album, Media } from '../api/types';
import { mediaStore } from '../media/mediaStore.svelte';
import { session } from '../session/session.svelte';
import { albums } from './albums.svelte';

const PAGE_SIZE = 48;

export class OpenAlbum {
  album = $state.raw<Album | null>(null);
  ids = $state.raw<string[]>([]);
  loading = $state(false);
  error = $state.raw<unknown>(null);
  #nextCursor = $state<string | null>(null);
  #generation = 0;

  readonly items = $derived(this.ids.map((id) => mediaStore.get(id)).filter((media): media is Media => media !== undefined));

  constructor(readonly id: string) {}

  get hasMore(): boolean {
    return this.#nextCursor !== null;
  }

  /** Fetches the album and its first items. */
  async load(): Promise<void> {
    const generation = (this.#generation += 1);
    this.loading = true;
    this.error = null;
    try {
      const [album, page] = await Promise.all([calls.get(this.id), calls.listItems(this.id, PAGE_SIZE)]);
      if (generation !== this.#generation) return;
      this.put(album);
      this.ids = this.#store(page.items);
      this.#nextCursor = page.next ?? null;
    } catch (error) {
      if (generation !== this.#generation) return;
      this.album = null;
      this.error = error;
    } finally {
      if (generation === this.#generation) this.loading = false;
    }
  }

  async loadMore(): Promise<void> {
    if (this.loading || this.#nextCursor === null) return;
    const generation = this.#generation;
    this.loading = true;
    try {
      const page = await calls.listItems(this.id, PAGE_SIZE, this.#nextCursor);
      if (generation !== this.#generation) return;
      this.ids = [...new Set([...this.ids, ...this.#store(page.items)])];
      this.#nextCursor = page.next ?? null;
      this.error = null;
    } catch (error) {
      if (generation === this.#generation) this.error = error;
    } finally {
      if (generation === this.#generation) this.loading = false;
    }
  }

  /** Stores the newest state of the album, also in the member's list of albums. */
  put(album: Album): void {
    this.album = album;
    if (album.cover) mediaStore.put(album.cover);
    if (session.isMine(album.owner) && albums.loaded) albums.put(album);
  }

  /** Moves an item by one place. Returns its new index, or -1 where it cannot move. */
  async move(id: string, step: 1 | -1): Promise<number> {
    const at = this.ids.indexOf(id);
    if (step === 1 && at === this.ids.length - 1) await this.loadMore();
    const other = this.ids[at + step];
    if (at < 0 || other === undefined) return -1;
    return this.moveTo(id, step === 1 ? { after: other } : { before: other });
  }

  /** Moves an item beside another one that is shown. Returns its new index. */
  async moveTo(id: string, to: Destination): Promise<number> {
    await calls.moveItem(this.id, id, to);
    const ids = this.ids.filter((one) => one !== id);
    ids.splice('before' in to ? ids.indexOf(to.before) : ids.indexOf(to.after) + 1, 0, id);
    this.ids = ids;
    await this.#reread();
    return ids.indexOf(id);
  }

  async takeOut(id: string): Promise<void> {
    await calls.removeItem(this.id, id);
    this.ids = this.ids.filter((one) => one !== id);
    await this.#reread();
  }

  /** Fetches the album again: its cover and its number of items depend on what is in it. */
  async #reread(): Promise<void> {
    const generation = this.#generation;
    const album = await calls.get(this.id);
    if (generation === this.#generation) this.put(album);
  }

  /** Stores items. Returns their ids. */
  #store(items: Media[]): string[] {
    for (const media of items) mediaStore.put(media);
    return items.map((media) => media.id);
  }
}
