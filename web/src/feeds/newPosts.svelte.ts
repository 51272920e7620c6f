// Owns how many posts have appeared since the feed was read. Does not own the feed. Invariant: it asks only while the page is
// shown, one question at a time, and not once more after `stop`.
import { countNew } from '../api/feeds';

const INTERVAL_MS = 60_000;

export class NewPosts {
  count = $state(0);
  hasMore = $state(false);
  #marker: string | null = null;
  #timer: ReturnType<typeof setInterval> | null = null;

  /** Counts from this place on. */
  since(marker: string | null): void {
    this.#marker = marker;
    this.count = 0;
    this.hasMore = false;
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.#ask(), INTERVAL_MS);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  async #ask(): Promise<void> {
    const marker = this.#marker;
    if (marker === null || document.hidden) return;
    // What fails is asked again at the next turn.
    const found = await countNew(marker).catch(() => null);
    if (!found || marker !== this.#marker) return;
    this.count = found.count;
    this.hasMore = found.has_more;
  }
}
