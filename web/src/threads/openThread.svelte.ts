// Owns the thread whose page is open: its details, the parts that have appeared, those that wait, and the URL of its programme.
// Invariant: the programme's URL changes only when it must be opened again; a new signature alone does not restart the player.
import { Problem } from '../api/problem';
import * as calls from '../api/threads';
import type { Thread, ThreadPart } from '../api/types';
import { postStore } from '../posts/postStore.svelte';

const PAGE_SIZE = 100;
/** While the page is shown, what others add is fetched as often as this. */
const POLL_MS = 6_000;

export class OpenThread {
  thread = $state.raw<Thread | null>(null);
  parts = $state.raw<ThreadPart[]>([]);
  waiting = $state.raw<ThreadPart[]>([]);
  error = $state.raw<unknown>(null);
  programme = $state<string | null>(null);
  #generation = 0;

  constructor(
    readonly id: string,
    private readonly link: string | null,
  ) {}

  /** Fetches the thread and its parts. `reopens`: the programme is opened anew, because its URL has ended. */
  async load(reopens = false): Promise<void> {
    const generation = (this.#generation += 1);
    try {
      const [thread, parts, waiting] = await Promise.all([calls.get(this.id, this.link), this.#list('joined'), this.#list('waiting')]);
      if (generation !== this.#generation) return;
      for (const post of [thread.opening, ...[...parts, ...waiting].map((part) => part.post)]) postStore.put(post);
      const isGone = this.parts.some(({ id }) => !parts.some((part) => part.id === id));
      this.thread = thread;
      this.parts = parts;
      this.waiting = waiting;
      this.error = null;
      if (reopens || isGone || this.programme === null) this.programme = thread.programme;
    } catch (cause) {
      if (generation !== this.#generation) return;
      this.error = cause;
      // It is removed, or not the reader's to see any more, such as after a block.
      if (cause instanceof Problem && cause.status === 404) this.thread = null;
    }
  }

  /** Fetches what has changed from time to time. Returns the function that ends it. */
  poll(): () => void {
    const timer = setInterval(() => {
      if (!document.hidden) void this.load();
    }, POLL_MS);
    return () => {
      clearInterval(timer);
      this.#generation += 1;
    };
  }

  /** All parts of a state; a thread has at most 200. */
  async #list(state: 'joined' | 'waiting'): Promise<ThreadPart[]> {
    const parts: ThreadPart[] = [];
    let after: string | undefined;
    do {
      const page = await calls.listParts(this.id, state, this.link, PAGE_SIZE, after);
      parts.push(...page.items);
      after = page.next ?? undefined;
    } while (after !== undefined && parts.length < calls.MAX_CAP);
    return parts;
  }
}
