// Owns the newest known state of every post on this page, by id, so that a feed, a profile and the post's own page never
// disagree. Does not fetch. Invariant: a change is shown at once and undone if the server refuses it.
import { SvelteMap } from 'svelte/reactivity';
import { errorMessage } from '../api/problem';
import type { Post } from '../api/types';
import { session } from '../session/session.svelte';
import { Optimistic } from '../ui/optimistic';
import { toasts } from '../ui/toasts.svelte';

class PostStore {
  #shown = new SvelteMap<string, Post>();
  #values = new Map<string, Optimistic<Post>>();

  constructor() {
    session.onChange(() => this.#clear());
  }

  get(id: string): Post | undefined {
    return this.#shown.get(id);
  }

  /** Stores what the server says of a post. */
  put(post: Post): void {
    const known = this.#values.get(post.id);
    if (known) return known.confirm(post);
    this.#values.set(
      post.id,
      new Optimistic(post, (shown) => {
        // A post that was removed meanwhile does not come back.
        if (this.#values.has(post.id)) this.#shown.set(post.id, shown);
      }),
    );
    this.#shown.set(post.id, post);
  }

  /** Shows a change at once and sends it; undoes it, and says why, if the server refuses. Returns whether it was accepted. */
  async change(id: string, apply: (post: Post) => Post, send: () => Promise<((post: Post) => Post) | void>): Promise<boolean> {
    try {
      await this.#values.get(id)?.change(apply, send);
      return true;
    } catch (error) {
      toasts.error(errorMessage(error));
      return false;
    }
  }

  remove(id: string): void {
    this.#values.delete(id);
    this.#shown.delete(id);
  }

  #clear(): void {
    this.#values.clear();
    this.#shown.clear();
  }
}

export const postStore = new PostStore();
