// Owns the member's live notifications: how many are new, and telling the list what has come. One tab reads the stream and
// passes it on, because a browser opens six connections to one server. Does not own the list.
// Invariant: nothing of a member is kept when another one, or none, is signed in.
import { openStream } from '../api/notifications';
import type { Notice, NoticeCounts } from '../api/types';
import { session } from '../session/session.svelte';
import type { ServerEvent } from './eventStream';
import { follow, sleep } from './follow';

/** What has happened to the list: a notice has come or grown, or so much that the list is to be read again. */
export type LiveChange = { kind: 'notice'; notice: Notice } | { kind: 'reset' };

/** What tabs say to each other: an event of the stream, or that one has opened and knows nothing yet. */
interface TabMessage {
  member: string;
  event: ServerEvent | null;
}

const channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel('tutti.notifications') : null;

class LiveNotifications {
  /** `null` until they are known. */
  counts = $state.raw<NoticeCounts | null>(null);
  #member: string | null = null;
  #lastId: string | null = null;
  #isReading = false;
  #stop = new AbortController();
  #listeners = new Set<(change: LiveChange) => void>();

  constructor() {
    session.onChange((member) => this.#restart(member));
    channel?.addEventListener('message', ({ data }: MessageEvent<TabMessage>) => this.#receiveFromTab(data));
  }

  /** Calls the listener with each change. Returns the function that ends that. */
  subscribe(listener: (change: LiveChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #restart(member: string | null): void {
    this.#stop.abort();
    this.#stop = new AbortController();
    this.#member = member;
    this.#lastId = null;
    this.counts = null;
    if (member === null) return;
    channel?.postMessage({ member, event: null } satisfies TabMessage);
    void this.#readInTurn(member, this.#stop.signal);
  }

  /** Reads the stream once no other tab of the member does. */
  async #readInTurn(member: string, signal: AbortSignal): Promise<void> {
    const read = async (): Promise<void> => {
      this.#isReading = true;
      await follow({ lastId: () => this.#lastId, open: openStream, receive: (event) => this.#receive(member, event), wait: sleep, random: Math.random }, signal);
      this.#isReading = false;
    };
    // Only secure contexts have locks; elsewhere each tab reads for itself.
    if (!('locks' in navigator)) return read();
    // It rejects when the signal comes before the turn.
    await navigator.locks.request(`tutti.notifications.${member}`, { signal }, read).catch(() => undefined);
  }

  #receive(member: string, event: ServerEvent): void {
    channel?.postMessage({ member, event } satisfies TabMessage);
    this.#apply(event);
  }

  #receiveFromTab({ member, event }: TabMessage): void {
    if (member !== this.#member) return;
    if (event !== null) this.#apply(event);
    else if (this.#isReading && this.counts !== null) channel?.postMessage({ member, event: { event: 'counts', data: JSON.stringify(this.counts), id: this.#lastId } } satisfies TabMessage);
  }

  #apply({ event, data, id }: ServerEvent): void {
    this.#lastId = id;
    if (event === 'counts') this.counts = JSON.parse(data) as NoticeCounts;
    else if (event === 'notice') this.#tell({ kind: 'notice', notice: JSON.parse(data) as Notice });
    else if (event === 'reset') this.#tell({ kind: 'reset' });
  }

  #tell(change: LiveChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}

export const live = new LiveNotifications();
