// Owns following the changes of the member's conversations. One tab reads the stream and passes it on, because a browser opens
// six connections to one server. Does not own what a change does. Invariant: nothing is followed while no member is signed in.
import { openStream } from '../api/chat';
import type { ChatChanges } from '../api/types';
import type { ServerEvent } from '../notifications/eventStream';
import { follow, sleep } from '../notifications/follow';
import { session } from '../session/session.svelte';
import { Activity } from './activity';
import type { PresenceChange } from './presence';
import type { Place } from './rows';

/** What has come: changes of one conversation, who is typing there, who is online, or where each is, because something may have been missed. */
export type LiveChange =
  | { kind: 'changes'; changes: ChatChanges }
  | { kind: 'typing'; conversation: string; member: string }
  | ({ kind: 'presence' } & PresenceChange)
  | { kind: 'places'; places: Place[] };

/** `isReader`: this tab reads the stream, so it does what is to be done once. */
type Listener = (change: LiveChange, isReader: boolean) => void;

interface TabMessage {
  member: string;
  event: Pick<ServerEvent, 'event' | 'data'>;
}

const channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel('tutti.chat') : null;
/** On this one, a tab that is on the screen says so. */
const seen = 'BroadcastChannel' in globalThis ? new BroadcastChannel('tutti.chat.seen') : null;
const SAID_EVERY_MS = 60_000;

class LiveChat {
  #member: string | null = null;
  #stop = new AbortController();
  #listeners = new Set<Listener>();
  #activity = new Activity(() => performance.now());
  /** Whether the stream was opened for a member who uses this browser, and what ends it when that is another answer. */
  #isActive = true;
  #reopen = new AbortController();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor() {
    if ('document' in globalThis) document.addEventListener('visibilitychange', () => this.#saySeen());
    seen?.addEventListener('message', () => {
      this.#activity.see();
      this.#compareActivity();
    });
    session.onChange((member) => this.#restart(member));
    channel?.addEventListener('message', ({ data }: MessageEvent<TabMessage>) => {
      if (data.member === this.#member) this.#tell(data.event, false);
    });
  }

  /** Calls the listener with each change. Returns the function that ends that. */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #restart(member: string | null): void {
    this.#stop.abort();
    this.#stop = new AbortController();
    this.#member = member;
    clearInterval(this.#timer);
    if (member === null) return;
    this.#saySeen();
    this.#timer = setInterval(() => this.#saySeen(), SAID_EVERY_MS);
    void this.#readInTurn(member, this.#stop.signal);
  }

  /** Says to all tabs that this one is on the screen, if it is. */
  #saySeen(): void {
    if (document.visibilityState === 'visible') {
      this.#activity.see();
      seen?.postMessage(null);
    }
    this.#compareActivity();
  }

  /** Opens the stream again, once the member uses this browser no more, or again. */
  #compareActivity(): void {
    if (this.#activity.isActive === this.#isActive) return;
    this.#isActive = this.#activity.isActive;
    this.#reopen.abort();
    this.#reopen = new AbortController();
  }

  /** Reads the stream once no other tab of the member does. */
  async #readInTurn(member: string, signal: AbortSignal): Promise<void> {
    const receive = ({ event, data }: ServerEvent): void => {
      channel?.postMessage({ member, event: { event, data } } satisfies TabMessage);
      this.#tell({ event, data }, true);
    };
    // The stream has no ids: it begins with where each conversation is.
    const read = (): Promise<void> => follow({ lastId: () => null, open: (_lastId, ending) => openStream(AbortSignal.any([ending, this.#reopen.signal]), this.#isActive), receive, wait: sleep, random: Math.random }, signal);
    // Only secure contexts have locks; elsewhere each tab reads for itself.
    if (!('locks' in navigator)) return read();
    // It rejects when the signal comes before the turn.
    await navigator.locks.request(`tutti.chat.${member}`, { signal }, read).catch(() => undefined);
  }

  #tell({ event, data }: Pick<ServerEvent, 'event' | 'data'>, isReader: boolean): void {
    const change = changeOf(event, data);
    if (change) for (const listener of this.#listeners) listener(change, isReader);
  }
}

function changeOf(event: string, data: string): LiveChange | null {
  if (event === 'changes') return { kind: 'changes', changes: JSON.parse(data) as ChatChanges };
  if (event === 'typing') return { kind: 'typing', ...(JSON.parse(data) as { conversation: string; member: string }) };
  if (event === 'presence') return { kind: 'presence', ...(JSON.parse(data) as PresenceChange) };
  return event === 'places' ? { kind: 'places', places: (JSON.parse(data) as { places: Place[] }).places } : null;
}

export const liveChat = new LiveChat();
