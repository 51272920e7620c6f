// Proves that a list is walked to its end, and that neither a late response nor an error spoils it.
import { expect, it } from 'vitest';
import { Paged, wholeList, type PageOf } from './paged.svelte';

const byItself = (item: number): number => item;

it('walks to the end, and has each item once', async () => {
  const asked: (string | null)[] = [];
  const pages: Record<string, PageOf<number>> = { first: { items: [1, 2], next: '2' }, '2': { items: [2, 3], next: '3' }, '3': { items: [4], next: null } };
  const list = new Paged<number>(async (after) => {
    asked.push(after);
    return pages[after ?? 'first']!;
  }, byItself);
  await list.reload();
  expect([list.items, list.hasMore, list.loaded]).toEqual([[1, 2], true, true]);
  await list.loadMore();
  await list.loadMore();
  await list.loadMore();
  expect([list.items, list.hasMore]).toEqual([[1, 2, 3, 4], false]);
  expect(asked).toEqual([null, '2', '3']);
});

it('drops the response to a search that was replaced', async () => {
  const waiting: ((page: PageOf<number>) => void)[] = [];
  const list = new Paged<number>(() => new Promise((resolve) => waiting.push(resolve)), byItself);
  const [old, current] = [list.reload(), list.reload()];
  waiting[1]!({ items: [2], next: null });
  await current;
  waiting[0]!({ items: [1], next: '1' });
  await old;
  expect([list.items, list.hasMore, list.loading]).toEqual([[2], false, false]);
});

it('keeps what it has when the next page fails, and tries again', async () => {
  let fails = false;
  const list = new Paged<number>(async (after) => {
    if (fails) throw new Error('away');
    return after === null ? { items: [1], next: '1' } : { items: [2], next: null };
  }, byItself);
  await list.reload();
  fails = true;
  await list.loadMore();
  expect([list.items, list.hasMore, String(list.error)]).toEqual([[1], true, 'Error: away']);
  fails = false;
  await list.loadMore();
  expect([list.items, list.hasMore, list.error]).toEqual([[1, 2], false, null]);
});

it('tries a failed first page again, and ends where a page leads to itself', async () => {
  let tries = 0;
  const list = new Paged<number>(async (after) => {
    tries += 1;
    if (tries === 1) throw new Error('away');
    return { items: [tries], next: after === null ? 'x' : after };
  }, byItself);
  await list.reload();
  expect([list.loaded, list.error !== null]).toEqual([false, true]);
  await list.loadMore();
  await list.loadMore();
  expect([list.items, list.hasMore]).toEqual([[2, 3], false]);
});

it('what was fetched otherwise takes the place of the list, which goes on behind it', async () => {
  const asked: (string | null)[] = [];
  const list = new Paged<number>(async (after) => {
    asked.push(after);
    return { items: [asked.length], next: 'old' };
  }, byItself);
  await list.reload();
  list.replace([8, 9], 'new');
  await list.loadMore();
  expect([list.items, asked]).toEqual([[8, 9, 2], [null, 'new']]);
  list.replace([7], null);
  expect(list.hasMore).toBe(false);
});

it('a short list is fetched whole, and one without an end is not followed for ever', async () => {
  const pages: Record<string, PageOf<number>> = { first: { items: [1], next: '2' }, '2': { items: [2] } };
  expect(await wholeList(async (after) => pages[after ?? 'first']!)).toEqual([1, 2]);
  let count = 0;
  await wholeList(async () => ({ items: [0], next: String((count += 1)) }));
  expect(count).toBe(20);
});
