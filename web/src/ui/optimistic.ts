// Owns a value that is shown as the reader wants it, before the server has said so. Does not own how it is sent.
// Invariant: what is shown is the server's newest value with the changes that it has not settled yet, in their order; a change
// that is refused is gone from it, and takes no other one with it.

export class Optimistic<T> {
  #confirmed: T;
  #pending: { apply: (value: T) => T }[] = [];
  #last: Promise<unknown> = Promise.resolve();

  /** `onShown` is called with every new value that is to be shown. */
  constructor(
    confirmed: T,
    private readonly onShown: (shown: T) => void,
  ) {
    this.#confirmed = confirmed;
  }

  /** The server's newest value. */
  get confirmed(): T {
    return this.#confirmed;
  }

  get shown(): T {
    return this.#pending.reduce((value, { apply }) => apply(value), this.#confirmed);
  }

  /** Takes a newer value of the server. */
  confirm(value: T): void {
    this.#confirmed = value;
    this.onShown(this.shown);
  }

  /**
   * Shows a change at once and sends it, after those before it. `send` may return what the change is by the server.
   * Throws what `send` throws, once the change is undone.
   */
  async change(apply: (value: T) => T, send: () => Promise<((value: T) => T) | void>): Promise<void> {
    const change = { apply };
    this.#pending.push(change);
    this.onShown(this.shown);
    // A like and its end must not overtake each other on the way.
    const sent = this.#last.then(send);
    this.#last = sent.catch(() => undefined);
    try {
      const settled = (await sent) ?? apply;
      this.#confirmed = settled(this.#confirmed);
    } finally {
      this.#pending = this.#pending.filter((one) => one !== change);
      this.onShown(this.shown);
    }
  }
}
