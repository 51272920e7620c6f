// Owns which items are before and after the one on the page: in the album that the URL names, else in the library as it was
// last listed. Invariant: a link to another item of an album names that album too.
import { untrack } from 'svelte';
import { openAlbum } from '../albums/lastAlbum';
import { library } from '../library/library.svelte';
import { itemUrl } from './itemUrl';

/** The next page is fetched when so few items are left. */
const MIN_AHEAD = 4;

export interface Sequence {
  /** Returns the previous (-1) or the next item (1) if it is known. */
  adjacent(id: string, step: 1 | -1): string | undefined;
  url(id: string): string;
  /** Fetches what is missing around an item. To be called in an effect, again after each page. */
  fetchAround(id: string): void;
}

export const sequenceOf = (albumId: string | null): Sequence => (albumId === null ? inLibrary : inAlbum(albumId));

const inLibrary: Sequence = {
  adjacent: (id, step) => library.adjacent(id, step),
  url: (id) => itemUrl(id),
  fetchAround(id) {
    const index = library.ids.indexOf(id);
    if (index >= 0 && index > library.ids.length - MIN_AHEAD) void library.loadMore();
  },
};

function inAlbum(albumId: string): Sequence {
  const open = openAlbum(albumId);
  return {
    adjacent(id, step) {
      const index = open.ids.indexOf(id);
      return index < 0 ? undefined : open.ids[index + step];
    },
    url: (id) => itemUrl(id, albumId),
    fetchAround(id) {
      if (open.loading || open.error !== null) return;
      const index = open.ids.indexOf(id);
      if (open.album === null) untrack(() => void open.load());
      // An item that a link names may be far behind the first page.
      else if (open.hasMore && (index < 0 || index > open.ids.length - MIN_AHEAD)) untrack(() => void open.loadMore());
    },
  };
}
