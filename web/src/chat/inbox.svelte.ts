// Owns the lists of the member's conversations: the inbox, which is kept up to date as changes come, and the requests. Does not
// own the messages of one. Invariant: nothing of a member is kept when another one, or none, is signed in; what has reached this
// browser is said to be delivered, once for all its tabs.
import * as calls from '../api/chat';
import { isProblem } from '../api/problem';
import type { ChatChanges, Conversation } from '../api/types';
import { session } from '../session/session.svelte';
import { KeysetList } from '../ui/keysetList.svelte';
import { liveChat, type LiveChange } from './liveChat.svelte';
import { withPresence } from './presence';
import { isBehind, rowAfter } from './rows';

const PAGE_SIZE = 30;
/** Changes of one conversation within this time are one reading of it, and one mark. */
const TOGETHER_MS = 150;

const listOf = (box: calls.Box): KeysetList<Conversation> => new KeysetList((after) => calls.list(box, PAGE_SIZE, after), ({ id }) => id);

class Inbox {
  list = $state.raw(listOf('inbox'));
  requests = $state.raw(listOf('requests'));
  /** How many conversations have unread messages, of those that are listed. */
  readonly unreadCount = $derived(this.list.items.filter(({ unread }) => unread > 0).length);
  #me: string | null = null;
  #toRead = new Set<string>();
  #delivered = new Map<string, number>();

  constructor() {
    liveChat.subscribe((change, isReader) => this.#receive(change, isReader));
    session.onChange((member) => {
      this.#me = member;
      this.#toRead.clear();
      this.#delivered.clear();
      this.list = listOf('inbox');
      this.requests = listOf('requests');
      if (member !== null) void this.list.load();
    });
  }

  /** Takes a conversation in the state in which the member takes part, or not any more. */
  put(conversation: Conversation): void {
    this.requests.remove(conversation.id);
    if (conversation.state !== 'joined') this.list.remove(conversation.id);
    // One without a message is not in the inbox.
    else if (conversation.newest !== null) this.list.put(conversation);
  }

  /** The member has read a conversation up to a place. Where others are not told of it, no change says so. */
  read(id: string, seq: number): void {
    const row = this.list.items.find((one) => one.id === id);
    if (!row || row.unread === 0) return;
    if ((row.newest?.seq ?? 0) <= seq) this.list.put({ ...row, unread: 0 });
    else this.#readSoon(id);
  }

  remove(id: string): void {
    this.list.remove(id);
    this.requests.remove(id);
  }

  #receive(change: LiveChange, isReader: boolean): void {
    if (change.kind === 'changes') return this.#takeChanges(change.changes, isReader);
    if (change.kind === 'presence') this.list.items = this.list.items.map((row) => (row.kind === 'pair' ? withPresence(row, change) : row));
    // A list that is being read is behind by itself.
    if (change.kind === 'places' && !this.list.loading && isBehind(this.list.items, change.places, this.list.hasMore)) void this.list.load();
  }

  #takeChanges(changes: ChatChanges, isReader: boolean): void {
    const { conversation: id } = changes;
    const row = this.list.items.find((one) => one.id === id);
    const after = row && this.#me !== null ? rowAfter(row, changes, this.#me) : null;
    if (after === null) this.#readSoon(id);
    else if (after.hasMessage) this.list.items = [after.row, ...this.list.items.filter((one) => one.id !== id)];
    else this.list.put(after.row);
    if (isReader) this.#markDelivered(changes);
  }

  /** Reads a row again, of which the changes do not say everything. */
  #readSoon(id: string): void {
    if (this.#toRead.has(id)) return;
    this.#toRead.add(id);
    setTimeout(() => void this.#readRow(id), TOGETHER_MS);
  }

  async #readRow(id: string): Promise<void> {
    if (!this.#toRead.delete(id)) return;
    try {
      this.put(await calls.get(id));
    } catch (error) {
      if (isProblem(error, 'chat.not_found')) this.remove(id);
    }
  }

  #markDelivered({ conversation, changes }: ChatChanges): void {
    const newest = changes.findLast(({ kind, message }) => kind === 'message' && message !== null && message.author !== this.#me);
    if (!newest) return;
    const isWaiting = this.#delivered.has(conversation);
    this.#delivered.set(conversation, newest.seq);
    if (isWaiting) return;
    setTimeout(() => {
      const seq = this.#delivered.get(conversation);
      this.#delivered.delete(conversation);
      // It is no act of the member, so a failure says nothing: the next one marks all.
      if (seq !== undefined) void calls.markDelivered(conversation, seq).catch(() => undefined);
    }, TOGETHER_MS);
  }
}

export const inbox = new Inbox();
