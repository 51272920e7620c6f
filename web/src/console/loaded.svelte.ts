// Owns one thing that a page fetches: the thing, that it is on its way, and what went wrong. Does not own which thing it is.
// Invariant: what was fetched stays until something newer is there, and a response that was overtaken is dropped.

export class Loaded<T> {
  value = $state.raw<T | null>(null);
  error = $state.raw<unknown>(null);
  loading = $state(false);
  #version = 0;

  constructor(private readonly fetchIt: () => Promise<T>) {}

  /** Fetches another one: what is there is not it. */
  replace(): Promise<void> {
    this.value = null;
    this.error = null;
    return this.load();
  }

  /** Fetches it, again if it is there. Never fails: `error` has what went wrong. */
  load = async (): Promise<void> => {
    const version = (this.#version += 1);
    this.loading = true;
    try {
      const value = await this.fetchIt();
      if (version !== this.#version) return;
      this.value = value;
      this.error = null;
    } catch (cause) {
      if (version === this.#version) this.error = cause;
    } finally {
      if (version === this.#version) this.loading = false;
    }
  };
}
