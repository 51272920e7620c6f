// Owns whether the member uses this browser. Uses no browser API, so it is tested alone.

/** A member whose tabs have all been in the background for so long is away. */
const AWAY_AFTER_MS = 5 * 60_000;

export class Activity {
  #seenAt: number;

  /** `now` returns milliseconds that only grow. */
  constructor(private readonly now: () => number) {
    this.#seenAt = now();
  }

  /** A tab is on the screen. */
  see(): void {
    this.#seenAt = this.now();
  }

  get isActive(): boolean {
    return this.now() - this.#seenAt < AWAY_AFTER_MS;
  }
}
