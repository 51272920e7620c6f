// Owns the conversation whose page is open: a window of its messages, what comes live, what the member sends and does. Does not
// own how changes are merged (timeline.ts), nor the stream (liveChat.svelte.ts).
// Invariant: what the member does is shown at once, and undone if the server refuses; what was written is never lost: it is among
// the messages, or unsent with the reason.
import type * as chatCalls from '../api/chat';
import { newKey } from '../api/creations';
import { errorMessage, isProblem } from '../api/problem';
import type { ChatChanges, ChatMessage, Conversation } from '../api/types';
import { Optimistic } from '../ui/optimistic';
import { toasts } from '../ui/toasts.svelte';
import { type PresenceChange, withPresence } from './presence';
import type { Place } from './rows';
import * as timelines from './timeline';
import { stateAfter, stillUnsent, type Unsent } from './unsent';

export type ConversationCalls = Pick<typeof chatCalls, 'get' | 'listBefore' | 'listAfter' | 'listChanges' | 'getMessage' | 'send' | 'editMessage' | 'removeMessage' | 'react' | 'unreact' | 'markRead' | 'showTyping'>;

export interface Draft {
  text: string;
  media: readonly string[];
  replyTo: string | null;
}

const PAGE_SIZE = 50;
const MAX_CHANGES = 100;
/** What is seen within this time is marked as read together. */
const READ_AFTER_MS = 400;
/** How often it is said that the member is typing, and for how long that is shown of others. */
const TYPING_EVERY_MS = 4_000;
const TYPING_SHOWN_MS = 6_000;

export class OpenConversation {
  conversation = $state.raw<Conversation | null>(null);
  timeline = $state.raw<timelines.Timeline>(timelines.EMPTY);
  loading = $state(false);
  loadingMore = $state(false);
  error = $state.raw<unknown>(null);
  /** The first message that was unread when the conversation was opened. */
  newFrom = $state<string | null>(null);
  /** How many were unread then. */
  newCount = $state(0);
  /** The accounts of others who are typing. */
  typing = $state.raw<readonly string[]>([]);
  #unsent = $state.raw<readonly Unsent[]>([]);
  #older = $state<string | null>(null);
  readonly unsent = $derived(stillUnsent(this.#unsent, this.timeline.messages));
  #value = new Optimistic<timelines.Timeline>(timelines.EMPTY, (shown) => (this.timeline = shown));
  #lastSent: Promise<unknown> = Promise.resolve();
  #catchingUp: Promise<void> | null = null;
  /** Something came while the conversation was read. */
  #hasMissed = false;
  #readUntil = 0;
  #readTimer: ReturnType<typeof setTimeout> | null = null;
  #typingTimers = new Map<string, ReturnType<typeof setTimeout>>();
  #toldTypingAt = -Infinity;
  #generation = 0;

  constructor(
    readonly id: string,
    /** The member's account. */
    readonly me: string,
    private readonly calls: ConversationCalls,
  ) {}

  get hasOlder(): boolean {
    return this.#older !== null;
  }

  /** Reads the conversation and its newest messages. */
  async load(): Promise<void> {
    const generation = (this.#generation += 1);
    this.loading = true;
    this.error = null;
    this.#hasMissed = false;
    try {
      // What comes between the two is in the changes after the place of the first.
      const conversation = await this.calls.get(this.id);
      const page = await this.calls.listBefore(this.id, PAGE_SIZE);
      if (generation !== this.#generation) return;
      const isFirst = this.conversation === null;
      this.conversation = conversation;
      this.#value.confirm(timelines.timelineOf(conversation, page.items));
      this.#older = page.next ?? null;
      if (isFirst) this.#beginReading(conversation);
    } catch (error) {
      if (generation === this.#generation) this.error = error;
      return;
    } finally {
      if (generation === this.#generation) this.loading = false;
    }
    if (this.#hasMissed) void this.#catchUpQuietly();
  }

  #beginReading({ unread }: Conversation): void {
    this.newCount = unread;
    this.newFrom = timelines.firstUnread(this.timeline.messages, this.me, unread);
    if (unread === 0) this.#readUntil = timelines.newestOfOthers(this.timeline.messages, this.me);
  }

  /** Takes changes that have come live. */
  receive(changes: ChatChanges): void {
    if (changes.conversation !== this.id) return;
    if (this.conversation === null || this.loading) {
      this.#hasMissed = true;
      return;
    }
    const kind = this.#merge(changes);
    if (kind === 'reset') void this.load();
    else if (kind === 'gap' || changes.last_seq > this.#value.confirmed.seq) void this.#catchUpQuietly();
  }

  /** Takes where conversations are, as a stream says that has begun: what lies between is fetched. Few are not among them. */
  compare(places: readonly Place[]): void {
    const place = places.find(({ conversation }) => conversation === this.id);
    const { epoch, seq } = this.#value.confirmed;
    if (this.conversation === null || this.loading) this.#hasMissed = true;
    else if (place && place.epoch !== epoch) void this.load();
    else if (!place || place.last_seq > seq) void this.#catchUpQuietly();
  }

  /** Takes who is online, and who is not any more. */
  receivePresence(change: PresenceChange): void {
    if (this.conversation !== null) this.conversation = withPresence(this.conversation, change);
  }

  /** A member is typing, or was a moment ago. */
  receiveTyping(member: string): void {
    if (member === this.me) return;
    this.#endTyping(member);
    this.typing = [...this.typing, member];
    this.#typingTimers.set(member, setTimeout(() => this.#endTyping(member), TYPING_SHOWN_MS));
  }

  #endTyping(member: string): void {
    clearTimeout(this.#typingTimers.get(member));
    this.#typingTimers.delete(member);
    if (this.typing.includes(member)) this.typing = this.typing.filter((one) => one !== member);
  }

  /** The member is typing. The others are told from time to time; a failure says nothing. */
  tellTyping(): void {
    const now = performance.now();
    if (now - this.#toldTypingAt < TYPING_EVERY_MS) return;
    this.#toldTypingAt = now;
    void this.calls.showTyping(this.id).catch(() => undefined);
  }

  #merge(changes: ChatChanges): timelines.Merge['kind'] {
    const merged = timelines.merge(this.#value.confirmed, changes);
    if (merged.kind !== 'merged') return merged.kind;
    for (const { kind, member } of changes.changes) if (kind === 'message' && member !== null) this.#endTyping(member);
    this.#value.confirm(merged.timeline);
    if (merged.isStale) void this.#readAgain();
    return 'merged';
  }

  /** Reads the conversation again, without its messages. */
  async #readAgain(): Promise<void> {
    try {
      this.put(await this.calls.get(this.id));
    } catch (error) {
      if (isProblem(error, 'chat.not_found')) this.error = error;
    }
  }

  /** Takes a newer state of the conversation, without its messages. */
  put(conversation: Conversation): void {
    this.conversation = conversation;
    this.#value.confirm(timelines.withMembers(this.#value.confirmed, conversation));
  }

  /** Fetches the changes that are missing. A failure says nothing: the stream says again where the conversation is. */
  #catchUpQuietly = (): Promise<void> => this.catchUp().catch(() => undefined);

  /** Fetches the changes that are missing. */
  async catchUp(): Promise<void> {
    this.#catchingUp ??= this.#fetchChanges().finally(() => (this.#catchingUp = null));
    await this.#catchingUp;
  }

  async #fetchChanges(): Promise<void> {
    for (;;) {
      const { seq, epoch } = this.#value.confirmed;
      try {
        const changes = await this.calls.listChanges(this.id, seq, epoch, MAX_CHANGES);
        if (this.#merge(changes) !== 'merged') return await this.load();
        const reached = this.#value.confirmed.seq;
        if (reached <= seq || reached >= changes.last_seq) return;
      } catch (error) {
        if (!isProblem(error, 'chat.changes_reset')) throw error;
        return await this.load();
      }
    }
  }

  /** Adds older messages. */
  async loadOlder(): Promise<void> {
    const before = this.#older;
    if (before === null) return;
    await this.#loadMore(async (isCurrent) => {
      const page = await this.calls.listBefore(this.id, PAGE_SIZE, before);
      if (!isCurrent()) return;
      this.#value.confirm(timelines.withPage(this.#value.confirmed, page.items));
      this.#older = page.next ?? null;
    });
  }

  /** Adds newer messages to a window that does not reach the newest one. */
  async loadNewer(): Promise<void> {
    const last = this.#value.confirmed.messages.at(-1);
    if (this.#value.confirmed.reachesEnd || !last) return;
    await this.#loadMore(async (isCurrent) => {
      const { seq } = this.#value.confirmed;
      const page = await this.calls.listAfter(this.id, PAGE_SIZE, String(last.seq));
      if (!isCurrent()) return;
      // What came meanwhile is not in the window, and may not be in the page.
      const reachesEnd = !page.next && this.#value.confirmed.seq === seq;
      this.#value.confirm(timelines.withPage(this.#value.confirmed, page.items, reachesEnd));
    });
  }

  /** Moves the window to a message, if it is not there. Returns whether there is such a message. */
  async jumpTo(id: string): Promise<boolean> {
    if (this.timeline.messages.some((message) => message.id === id)) return true;
    await this.#loadMore(async (isCurrent) => {
      const { seq } = await this.calls.getMessage(id);
      const place = this.#value.confirmed.seq;
      const [older, newer] = await Promise.all([this.calls.listBefore(this.id, PAGE_SIZE, String(seq + 1)), this.calls.listAfter(this.id, PAGE_SIZE, String(seq))]);
      if (!isCurrent()) return;
      const reachesEnd = !newer.next && this.#value.confirmed.seq === place;
      this.#value.confirm(timelines.withPage({ ...this.#value.confirmed, messages: [] }, [...older.items, ...newer.items], reachesEnd));
      this.#older = older.next ?? null;
    });
    return this.timeline.messages.some((message) => message.id === id);
  }

  /** Moves the window to the first message that was unread. */
  async jumpToNew(): Promise<void> {
    while (this.newFrom === null && this.hasOlder) {
      const before = this.#older;
      await this.loadOlder();
      this.newFrom = timelines.firstUnread(this.timeline.messages, this.me, this.newCount);
      // It has failed, or another page is being read.
      if (this.#older === before) return;
    }
  }

  /** Moves the window to the newest message. */
  async toEnd(): Promise<void> {
    if (!this.#value.confirmed.reachesEnd) await this.load();
  }

  async #loadMore(work: (isCurrent: () => boolean) => Promise<void>): Promise<void> {
    if (this.loadingMore) return;
    const generation = this.#generation;
    this.loadingMore = true;
    try {
      await work(() => generation === this.#generation);
    } catch (error) {
      toasts.error(errorMessage(error));
    } finally {
      this.loadingMore = false;
    }
  }

  /** Sends a message. It is shown at once; if it is not taken, it stays with the reason. */
  async send({ text, media, replyTo }: Draft): Promise<void> {
    await this.#deliver({ clientId: newKey(), text, media, replyTo, state: 'sending', problem: null });
  }

  /** Sends a message once more, under its id: should the server have it, nothing is stored twice. */
  async retry(clientId: string): Promise<void> {
    const unsent = this.#unsent.find((one) => one.clientId === clientId);
    if (unsent?.state === 'failed') await this.#deliver({ ...unsent, state: 'sending', problem: null });
  }

  /** Takes an unsent message away, and returns it. */
  discard(clientId: string): Unsent | null {
    const unsent = this.#unsent.find((one) => one.clientId === clientId) ?? null;
    this.#unsent = this.#unsent.filter((one) => one !== unsent);
    return unsent;
  }

  async #deliver(unsent: Unsent): Promise<void> {
    const { clientId, text, media, replyTo } = unsent;
    this.#putUnsent(unsent);
    this.#toldTypingAt = -Infinity;
    // One after the other: the order in which they were written is that in which they are stored.
    const sent = this.#lastSent.then(() => this.calls.send(this.id, { client_id: clientId, text, media: [...media], reply_to: replyTo }));
    this.#lastSent = sent.catch(() => undefined);
    try {
      const { seq } = await sent;
      this.#changeUnsent(clientId, { state: 'sent' });
      await this.toEnd();
      // The stream may be away, or slower.
      if (this.#value.confirmed.seq < seq) await this.#catchUpQuietly();
      if (this.unsent.every((one) => one.clientId !== clientId)) this.discard(clientId);
    } catch (problem) {
      this.#changeUnsent(clientId, { state: stateAfter(problem), problem });
      // It may say that the member takes part no more, or may not write.
      if (stateAfter(problem) === 'refused') void this.#readAgain();
    }
  }

  #putUnsent(unsent: Unsent): void {
    this.#unsent = [...this.#unsent.filter(({ clientId }) => clientId !== unsent.clientId), unsent];
  }

  #changeUnsent(clientId: string, part: Partial<Unsent>): void {
    this.#unsent = this.#unsent.map((one) => (one.clientId === clientId ? { ...one, ...part } : one));
  }

  /** Sets the member's reaction, or takes it back. */
  react(id: string, reaction: string | null): Promise<void> {
    return this.#change((now) => timelines.withReaction(now, id, this.me, reaction), () => (reaction === null ? this.calls.unreact(id) : this.calls.react(id, reaction)));
  }

  remove(id: string, whom: 'me' | 'all'): Promise<void> {
    return this.#change((now) => (whom === 'me' ? timelines.withoutMessage(now, id) : timelines.withRemoved(now, id)), () => this.calls.removeMessage(id, whom));
  }

  /** Changes the text of a message. Throws what the server refuses it with, once the change is undone. */
  edit(id: string, text: string): Promise<void> {
    return this.#value.change(
      (now) => timelines.withText(now, id, text, new Date().toISOString()),
      async () => {
        const message = await this.calls.editMessage(id, text);
        return (now) => timelines.withMessage(now, message);
      },
    );
  }

  async #change(apply: (now: timelines.Timeline) => timelines.Timeline, send: () => Promise<void>): Promise<void> {
    try {
      await this.#value.change(apply, send);
    } catch (error) {
      toasts.error(errorMessage(error));
    }
  }

  /** Reads a message again: its media may be ready now, or their URLs have ended. */
  async renew(id: string): Promise<void> {
    const fresh: ChatMessage | null = await this.calls.getMessage(id).catch(() => null);
    if (fresh) this.#value.confirm(timelines.withMessage(this.#value.confirmed, fresh));
  }

  /** The newest messages are on the screen: they are read. */
  see(): void {
    const until = timelines.newestOfOthers(this.timeline.messages, this.me);
    if (!this.timeline.reachesEnd || until <= this.#readUntil) return;
    this.#readTimer ??= setTimeout(() => void this.#markRead(), READ_AFTER_MS);
  }

  async #markRead(): Promise<void> {
    this.#readTimer = null;
    const before = this.#readUntil;
    const until = timelines.newestOfOthers(this.timeline.messages, this.me);
    if (until <= before) return;
    this.#readUntil = until;
    // It is no act of the member, so a failure says nothing: the next one marks all.
    await this.calls.markRead(this.id, until).catch(() => (this.#readUntil = before));
  }

  /** Ends the conversation's page. What was seen just before is marked. */
  stop(): void {
    this.#generation += 1;
    for (const timer of this.#typingTimers.values()) clearTimeout(timer);
    if (this.#readTimer === null) return;
    clearTimeout(this.#readTimer);
    void this.#markRead();
  }
}
