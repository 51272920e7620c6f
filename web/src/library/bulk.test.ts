import { expect, it } from 'vitest';
import { Problem } from '../api/problem';
import { runBulk } from './bulk';

const ids = Array.from({ length: 30 }, (_, at) => `item-${at}`);
const wait = (): Promise<void> => Promise.resolve();

it('runs a few at a time and says what failed', async () => {
  let [running, peak] = [0, 0];
  const counts: number[] = [];
  const work = async (id: string): Promise<void> => {
    running += 1;
    peak = Math.max(peak, running);
    await new Promise((next) => setTimeout(next, 1));
    running -= 1;
    if (id === 'item-7') throw new Problem(422, 'request.invalid', 'No.');
  };
  const outcome = await runBulk(ids, work, { wait, onProgress: (count) => counts.push(count) });
  expect(peak).toBe(4);
  expect(outcome.done).toHaveLength(29);
  expect(outcome.failures.map(({ id }) => id)).toEqual(['item-7']);
  expect(counts).toEqual(ids.map((_, at) => at + 1));
});

it('waits while the server is busy, but not for ever', async () => {
  const tries = new Map<string, number>();
  const work = async (id: string): Promise<void> => {
    const count = (tries.get(id) ?? 0) + 1;
    tries.set(id, count);
    if (id === 'item-1' || count < 3) throw new Problem(429, 'request.too_many', 'Later.');
  };
  const outcome = await runBulk(ids.slice(0, 2), work, { wait });
  expect(outcome.done).toEqual(['item-0']);
  expect(outcome.failures.map(({ id }) => id)).toEqual(['item-1']);
  expect(tries.get('item-1')).toBe(5);
});

it('begins nothing more once it is stopped', async () => {
  let begun = 0;
  const work = async (): Promise<void> => {
    begun += 1;
  };
  const outcome = await runBulk(ids, work, { wait, isStopped: () => begun >= 5 });
  expect(outcome.done.length + outcome.skipped.length).toBe(30);
  expect(begun).toBeLessThanOrEqual(8);
});
