// Proves that the page of an item names the album that it is looked at in, and nothing that is no id.
import { expect, it } from 'vitest';
import { albumInQuery, itemUrl } from './itemUrl';

it('the album of an item’s page is in its URL, and only an id is taken from it', () => {
  const [item, album] = ['5kT0vYq8Zb3mXw1RcHs9Ga', '2bQ9sLw7Kd4nYx0TfGv5Rm'];
  expect(itemUrl(item)).toBe(`/m/${item}`);
  const url = new URL(itemUrl(item, album), 'https://tutti.example');
  expect([url.pathname, albumInQuery(url.searchParams)]).toEqual([`/m/${item}`, album]);
  for (const query of ['', 'album=', 'album=../../settings', `album=${album}x`]) expect(albumInQuery(new URLSearchParams(query))).toBeNull();
});
