// Proves that work is repeated while the page is shown, never twice at once, and not after it was stopped.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { poll } from './poller';

class FakePage extends EventTarget {
  hidden = false;
  show(isShown: boolean): void {
    this.hidden = !isShown;
    this.dispatchEvent(new Event('visibilitychange'));
  }
}
const fakePage = (): FakePage & Document => new FakePage() as unknown as FakePage & Document;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('runs at once and then so long after each end', async () => {
  let runs = 0;
  const stop = poll(async () => void (runs += 1), 10_000, fakePage());
  expect(runs).toBe(1);
  await vi.advanceTimersByTimeAsync(9_999);
  expect(runs).toBe(1);
  await vi.advanceTimersByTimeAsync(20_001);
  expect(runs).toBe(4);
  stop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(runs).toBe(4);
});

it('rests while the page is hidden, and is up to date when it is shown again', async () => {
  let runs = 0;
  const page = fakePage();
  const stop = poll(async () => void (runs += 1), 10_000, page);
  await vi.advanceTimersByTimeAsync(0);
  page.show(false);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(runs).toBe(1);
  page.show(true);
  expect(runs).toBe(2);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(runs).toBe(3);
  stop();
});

it('rests while the operator is away, so that it keeps no session alive, and is up to date at the first input', async () => {
  let runs = 0;
  const page = fakePage();
  const stop = poll(async () => void (runs += 1), 60_000, page);
  await vi.advanceTimersByTimeAsync(60 * 60_000);
  expect(runs).toBe(5);
  page.dispatchEvent(new Event('pointermove'));
  expect(runs).toBe(6);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(runs).toBe(7);
  stop();
  page.dispatchEvent(new Event('keydown'));
  await vi.advanceTimersByTimeAsync(60 * 60_000);
  expect(runs).toBe(7);
});

it('never runs twice at once', async () => {
  const waiting: (() => void)[] = [];
  const page = fakePage();
  const stop = poll(() => new Promise<void>((resolve) => waiting.push(resolve)), 10_000, page);
  page.show(true);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(waiting).toHaveLength(1);
  waiting[0]?.();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(waiting).toHaveLength(2);
  stop();
});
