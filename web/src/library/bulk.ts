// Owns doing one thing with many items: a few requests at a time, and an account of what failed. Uses no browser API, so
// it is tested alone. Invariant: each id is in exactly one list of the outcome.
import { Problem } from '../api/problem';

export interface Failure {
  id: string;
  error: unknown;
}

export interface Outcome {
  done: string[];
  failures: Failure[];
  /** Not begun, because the member stopped. */
  skipped: string[];
}

export interface BulkOptions {
  /** Called after each item, with the number of items that have ended. */
  onProgress?: (count: number) => void;
  isStopped?: () => boolean;
  /** Waits so many milliseconds. */
  wait?: (ms: number) => Promise<void>;
}

const CONCURRENCY = 4;
/** How long a request waits that the server refused because it was busy, or asked too often. Then it has failed. */
const RETRY_DELAYS_MS = [500, 1_000, 2_000, 4_000];

export async function runBulk(ids: readonly string[], work: (id: string) => Promise<void>, options: BulkOptions = {}): Promise<Outcome> {
  const { onProgress, isStopped = () => false, wait = sleep } = options;
  const outcome: Outcome = { done: [], failures: [], skipped: [] };
  const waiting = [...ids];
  const runNext = async (): Promise<void> => {
    for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
      if (isStopped()) {
        outcome.skipped.push(id);
        continue;
      }
      try {
        await retried(id, work, wait);
        outcome.done.push(id);
      } catch (error) {
        outcome.failures.push({ id, error });
      }
      onProgress?.(outcome.done.length + outcome.failures.length);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, runNext));
  return outcome;
}

async function retried(id: string, work: (id: string) => Promise<void>, wait: (ms: number) => Promise<void>): Promise<void> {
  for (const delay of RETRY_DELAYS_MS) {
    try {
      return await work(id);
    } catch (error) {
      if (!(error instanceof Problem && (error.status === 429 || error.status === 503))) throw error;
      await wait(delay);
    }
  }
  return work(id);
}

const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));
