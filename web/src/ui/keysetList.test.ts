// Proves that a list by pages has each item once, drops what a reload has overtaken, and can try again.
import { expect, it } from 'vitest';
import { Problem } from '../api/problem';
import { KeysetList, type KeysetPage } from './keysetList.svelte';

type Item = { id: string };
const items = (...ids: string[]): Item[] => ids.map((id) => ({ id }));
const ids = (list: KeysetList<Item>): string => list.items.map(({ id }) => id).join(' ');

it('goes on where the last page ended, and lists no item twice', async () => {
  const pages: Record<string, KeysetPage<Item>> = { '': { items: items('c', 'b'), next: 'b' }, b: { items: items('b', 'a'), next: null } };
  const list = new KeysetList<Item>(async (after = '') => pages[after]!, ({ id }) => id);
  await list.loadMore();
  expect([ids(list), list.hasMore]).toEqual(['c b', true]);
  await list.loadMore();
  expect([ids(list), list.hasMore]).toEqual(['c b a', false]);
  list.put({ id: 'd' });
  list.append({ id: 'z' });
  list.remove('b');
  expect(ids(list)).toBe('d c a z');
});

it('a response that a reload has overtaken is dropped', async () => {
  const waiting: ((page: KeysetPage<Item>) => void)[] = [];
  const list = new KeysetList<Item>(() => new Promise((resolve) => waiting.push(resolve)), ({ id }) => id);
  const [first, second] = [list.load(), list.load()];
  waiting[1]!({ items: items('new') });
  waiting[0]!({ items: items('old') });
  await Promise.all([first, second]);
  expect([ids(list), list.loading]).toEqual(['new', false]);
});

it('what has failed can be tried again, and a page that leads to itself is the last', async () => {
  let fails = true;
  const list = new KeysetList<Item>(async (after) => {
    if (fails) throw new Error('away');
    return { items: items('a'), next: after ?? 'a' };
  }, ({ id }) => id);
  await list.loadMore();
  expect([list.loaded, list.error instanceof Error]).toEqual([false, true]);
  fails = false;
  await list.loadMore();
  await list.loadMore();
  expect([ids(list), list.hasMore, list.isEmpty, list.error]).toEqual(['a', false, false, null]);
});

it('a list whose cursor has ended begins again', async () => {
  const asked: (string | undefined)[] = [];
  const list = new KeysetList<Item>(async (after) => {
    asked.push(after);
    if (after) throw new Problem(422, 'social.wrong_cursor', 'The cursor has ended.');
    return { items: items('a'), next: 'a' };
  }, ({ id }) => id);
  await list.loadMore();
  await list.loadMore();
  await list.loadMore();
  expect(asked).toEqual([undefined, 'a', undefined]);
  expect([ids(list), list.error]).toEqual(['a', null]);
});
