// Proves that what was fetched stays until something newer is there.
import { expect, it } from 'vitest';
import { Loaded } from './loaded.svelte';

it('a failure keeps what is there, and the next success clears it', async () => {
  const results: (() => Promise<number>)[] = [async () => 1, async () => Promise.reject(new Error('away')), async () => 2];
  const loaded = new Loaded<number>(() => results.shift()!());
  await loaded.load();
  await loaded.load();
  expect([loaded.value, String(loaded.error), loaded.loading]).toEqual([1, 'Error: away', false]);
  await loaded.load();
  expect([loaded.value, loaded.error]).toEqual([2, null]);
});

it('another one takes the place of what is there at once', async () => {
  let fetched = 0;
  const loaded = new Loaded<number>(async () => (fetched += 1));
  await loaded.load();
  const next = loaded.replace();
  expect(loaded.value).toBeNull();
  await next;
  expect(loaded.value).toBe(2);
});

it('a response that was overtaken is dropped', async () => {
  const waiting: ((value: number) => void)[] = [];
  const loaded = new Loaded<number>(() => new Promise((resolve) => waiting.push(resolve)));
  const [old, current] = [loaded.load(), loaded.load()];
  waiting[1]!(2);
  await current;
  waiting[0]!(1);
  await old;
  expect([loaded.value, loaded.loading]).toEqual([2, false]);
});
