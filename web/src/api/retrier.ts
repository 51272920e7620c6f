// Owns when something is tried again while the server is away: later after each failure, at once when the browser is
// online again. Does not own what is tried. Invariant: at most one try is scheduled, and none after `stop`.
import { isProblem, Problem } from './problem';

const FIRST_MS = 500;
const MAX_MS = 30_000;

/** Milliseconds until the next try: doubled after each failure, bounded, and spread so that not all clients return at once. */
export function retryDelay(failures: number, random: number): number {
  const limit = Math.min(MAX_MS, FIRST_MS * 2 ** Math.min(failures, 16));
  return Math.round(limit * (0.5 + random / 2));
}

/** Whether an error means that the operators have turned something off: for an unknown time, so the page says it and does not wait. */
export const isTurnedOff = (error: unknown): boolean => isProblem(error, 'server.turned_off');

/** Whether an error means that the server, or a part of it, is away for now. */
export const isAway = (error: unknown): boolean =>
  error instanceof TypeError || (error instanceof Problem && [0, 502, 503, 504].includes(error.status) && !isTurnedOff(error));

/** Whether the server is there and says why it does not do this now, such as that the operators have switched it off. */
export const isDeclined = (error: unknown): error is Problem => error instanceof Problem && error.status === 503 && error.code !== 'server.unavailable' && !error.code.startsWith('http.');

export class Retrier {
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly work: () => void) {
    globalThis.addEventListener?.('online', () => {
      if (this.#timer !== null) this.#run();
    });
  }

  /** Schedules another try. */
  failed(): void {
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => this.#run(), retryDelay(this.#failures, Math.random()));
    this.#failures += 1;
  }

  /** Cancels the scheduled try; the next failure is the first again. */
  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#failures = 0;
  }

  #run(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.work();
  }
}
