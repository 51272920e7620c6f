// Proves when something is tried again while the server is away.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Problem } from './problem';
import { isAway, isDeclined, Retrier, retryDelay } from './retrier';

const browser = new EventTarget();
beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('addEventListener', browser.addEventListener.bind(browser));
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it('waits longer after each failure, never over half a minute, and not as long as others', () => {
  expect([0, 1, 2, 3].map((failures) => retryDelay(failures, 1))).toEqual([500, 1000, 2000, 4000]);
  for (const failures of [6, 50, 5000]) expect(retryDelay(failures, 1)).toBe(30_000);
  expect(retryDelay(4, 0)).toBe(4000);
  expect(retryDelay(4, 0.5)).toBe(6000);
});

it('tries once for each failure, and not after it was stopped', () => {
  const work = vi.fn();
  const retrier = new Retrier(work);
  retrier.failed();
  retrier.failed();
  vi.advanceTimersByTime(600);
  expect(work).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(600_000);
  expect(work).toHaveBeenCalledTimes(1);
  retrier.failed();
  retrier.stop();
  vi.advanceTimersByTime(600_000);
  expect(work).toHaveBeenCalledTimes(1);
});

it('tries at once when the browser is online again, if it waits', () => {
  const work = vi.fn();
  const retrier = new Retrier(work);
  browser.dispatchEvent(new Event('online'));
  expect(work).not.toHaveBeenCalled();
  retrier.failed();
  browser.dispatchEvent(new Event('online'));
  expect(work).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(600_000);
  expect(work).toHaveBeenCalledTimes(1);
});

it('takes no refusal for an absence', () => {
  for (const status of [0, 502, 503, 504]) expect(isAway(new Problem(status, 'x', 'x'))).toBe(true);
  for (const status of [400, 401, 404, 413, 429, 500, 507]) expect(isAway(new Problem(status, 'x', 'x'))).toBe(false);
  expect(isAway(new Problem(503, 'server.turned_off', 'x'))).toBe(false);
  expect(isAway(new TypeError('Failed to fetch'))).toBe(true);
  expect(isAway(new Error('other'))).toBe(false);
});

it('knows a server that says why it does nothing now from one that is away', () => {
  for (const code of ['server.turned_off', 'media.of_a_newer_server']) expect(isDeclined(new Problem(503, code, 'Uploads are turned off.')), code).toBe(true);
  for (const problem of [new Problem(503, 'server.unavailable', 'x'), new Problem(503, 'http.503', 'x'), new Problem(0, 'net.unreachable', 'x'), new Problem(422, 'media.empty', 'x')]) {
    expect(isDeclined(problem), problem.code).toBe(false);
  }
});
