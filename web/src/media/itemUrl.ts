// Owns the URL of an item's page, which may name the album that the item is looked at in. Does not own the route.
// Invariant: what the URL names is an id or nothing.

const ID = /^[0-9A-Za-z]{22}$/;

/** Returns the URL of an item's page, in an album if there is one. */
export const itemUrl = (id: string, albumId: string | null = null): string => (albumId === null ? `/m/${id}` : `/m/${id}?album=${albumId}`);

/** Returns the id of the album that the query of an item's page names. */
export function albumInQuery(query: URLSearchParams): string | null {
  const id = query.get('album');
  return id !== null && ID.test(id) ? id : null;
}
