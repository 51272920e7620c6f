// Proves what the open conversation promises: changes are merged or fetched, never missed or doubled; what is sent is shown at
// once, stored once, and kept with its reason when it is not taken; what the server refuses is undone.
import { beforeEach, expect, it, vi } from 'vitest';
import { Problem } from '../api/problem';
import type { NewMessage } from '../api/chat';
import type { ChatChange, ChatMessage, Conversation } from '../api/types';
import { OpenConversation, type ConversationCalls } from './openConversation.svelte';

const ME = 'me';
const AT = '2026-05-04T18:30:00Z';

/** A server with one conversation. */
class FakeServer implements ConversationCalls {
  epoch = 7;
  changes: ChatChange[] = [];
  messages: ChatMessage[] = [];
  sends: NewMessage[] = [];
  /** What the next request to send is refused with; `lost` is stored all the same. */
  refusal: { problem: Problem; isStored: boolean } | null = null;
  reads: number[] = [];

  get last(): number {
    return this.changes.length;
  }

  write(author: string, text: string, clientId: string | null = null): ChatMessage {
    const seq = this.last + 1;
    const message: ChatMessage = { id: `m${seq}`, conversation: 'c', seq, author, client_id: clientId, state: 'sent', text, media: [], media_count: 0, blurred: false, reply_to: null, reactions: [], verdict: null, edited_at: null, created_at: AT };
    this.messages.push(message);
    this.changes.push({ seq, kind: 'message', member: author, value: null, message_id: message.id, message, at: AT });
    return message;
  }

  get = async (): Promise<Conversation> => ({
    id: 'c', kind: 'pair', state: 'joined', name: null, picture: null, has_invite: false, members: [], epoch: this.epoch, last_seq: this.last,
    unread: 0, newest: null, can: { write: true, goes_to: 'inbox', manage: false }, request: null, created_at: AT,
  });

  listBefore = async (_id: string, limit: number, before?: string) => {
    const older = this.messages.filter(({ seq }) => before === undefined || seq < Number(before)).reverse();
    return { items: older.slice(0, limit), next: older.length > limit ? String(older[limit - 1]?.seq) : null };
  };

  listAfter = async (_id: string, limit: number, after: string) => {
    const newer = this.messages.filter(({ seq }) => seq > Number(after));
    return { items: newer.slice(0, limit), next: newer.length > limit ? String(newer[limit - 1]?.seq) : null };
  };

  listChanges = vi.fn(async (_id: string, after: number, epoch: number, limit: number) => {
    if (epoch !== this.epoch || after > this.last) throw new Problem(410, 'chat.changes_reset', 'Read again.');
    return this.page(after, limit);
  });

  page(after: number, limit = 100) {
    return { conversation: 'c', epoch: this.epoch, last_seq: this.last, changes: this.changes.slice(after, after + limit) };
  }

  getMessage = async (id: string): Promise<ChatMessage> => this.messages.find((message) => message.id === id)!;

  send = async (_id: string, body: NewMessage) => {
    this.sends.push(body);
    const { refusal } = this;
    this.refusal = null;
    const known = this.messages.find(({ client_id }) => client_id === body.client_id);
    const { id, seq } = refusal && !refusal.isStored ? { id: '', seq: 0 } : (known ?? this.write(ME, body.text, body.client_id));
    if (refusal) throw refusal.problem;
    return { id, seq, verdict: { id: null, outcome: 'deliver', reason: null, sentence: null, can_appeal: false } };
  };

  refuse = async (): Promise<never> => {
    throw new Problem(403, 'chat.not_accepted', 'No.');
  };
  editMessage = this.refuse;
  removeMessage = this.refuse;
  react = this.refuse;
  unreact = this.refuse;
  showTyping = vi.fn(async (): Promise<void> => undefined);
  markRead = async (_id: string, seq: number): Promise<void> => void this.reads.push(seq);
}

let server: FakeServer;
let open: OpenConversation;
const texts = (): string[] => open.timeline.messages.map(({ text }) => text);
const draft = (text: string) => ({ text, media: [], replyTo: null });
/** Lets everything that has begun end. */
const settle = (): Promise<unknown> => vi.waitFor(() => expect(open.loading || open.loadingMore).toBe(false)).then(() => new Promise((done) => setTimeout(done, 5)));

beforeEach(async () => {
  server = new FakeServer();
  server.write('bob', 'one');
  open = new OpenConversation('c', ME, server);
  await open.load();
});

it('a gap is fetched, and what has come already is not there twice', async () => {
  server.write('bob', 'two');
  server.write('bob', 'three');
  open.receive(server.page(2));
  await settle();
  open.receive(server.page(1));
  await settle();
  expect(texts()).toEqual(['one', 'two', 'three']);
  expect(server.listChanges).toHaveBeenCalledTimes(1);
});

it('a stream that begins again says where the conversation is, and what is missing is fetched', async () => {
  server.write('bob', 'two');
  open.compare([{ conversation: 'c', epoch: 7, last_seq: 2 }]);
  await settle();
  expect(texts()).toEqual(['one', 'two']);
  open.compare([{ conversation: 'c', epoch: 7, last_seq: 2 }, { conversation: 'd', epoch: 1, last_seq: 90 }]);
  await settle();
  expect(server.listChanges).toHaveBeenCalledTimes(1);
});

it('another sequence, as after a restored backup, is read from the start', async () => {
  server.epoch = 8;
  server.changes = [];
  server.messages = [];
  server.write('bob', 'restored');
  open.receive(server.page(0));
  await settle();
  expect(texts()).toEqual(['restored']);
});

it('what comes while the conversation is read is not missed', async () => {
  const other = new OpenConversation('c', ME, server);
  const loading = other.load();
  server.write('bob', 'two');
  other.receive(server.page(1));
  await loading;
  await new Promise((done) => setTimeout(done, 5));
  expect(other.timeline.messages.map(({ text }) => text)).toEqual(['one', 'two']);
});

it('a message is shown at once and then is the one that is stored, with or without the stream', async () => {
  const sending = open.send(draft('hello'));
  expect(open.unsent).toMatchObject([{ text: 'hello', state: 'sending' }]);
  await sending;
  expect([texts(), open.unsent]).toEqual([['one', 'hello'], []]);
  open.receive(server.page(1));
  expect(texts()).toEqual(['one', 'hello']);
});

it('a message whose response was lost is sent again under its id, and stored once', async () => {
  server.refusal = { problem: new Problem(0, 'net.unreachable', 'Away.'), isStored: true };
  await open.send(draft('hello'));
  expect(open.unsent).toMatchObject([{ state: 'failed' }]);
  await open.retry(open.unsent[0]!.clientId);
  expect([texts(), open.unsent]).toEqual([['one', 'hello'], []]);
  expect(new Set(server.sends.map(({ client_id }) => client_id)).size).toBe(1);
});

it('a message that is refused stays with its reason, is not sent again, and can be taken back', async () => {
  server.refusal = { problem: new Problem(403, 'chat.refused', 'Many links.', null, { reason: 'screening.many_links', can_appeal: true, verdict: 'v' }), isStored: false };
  await open.send(draft('hello'));
  const [unsent] = open.unsent;
  expect(unsent).toMatchObject({ state: 'refused', text: 'hello' });
  await open.retry(unsent!.clientId);
  expect(server.sends).toHaveLength(1);
  expect(open.discard(unsent!.clientId)?.text).toBe('hello');
  expect(open.unsent).toEqual([]);
});

it('messages are stored in the order in which they were written', async () => {
  await Promise.all([open.send(draft('a')), open.send(draft('b')), open.send(draft('c'))]);
  expect(texts()).toEqual(['one', 'a', 'b', 'c']);
});

it('a reaction that the server refuses is undone, and so are a deletion and a change', async () => {
  const reacting = open.react('m1', '👍');
  expect(open.timeline.messages[0]?.reactions).toEqual([{ account: ME, reaction: '👍' }]);
  await reacting;
  expect(open.timeline.messages[0]?.reactions).toEqual([]);
  await open.remove('m1', 'all');
  await expect(open.edit('m1', 'other')).rejects.toThrow('No.');
  expect(texts()).toEqual(['one']);
});

it('the history is read at both ends, and what comes meanwhile is not missed', async () => {
  for (let n = 2; n <= 160; n += 1) server.write('bob', String(n));
  await open.load();
  expect([texts().length, open.hasOlder]).toEqual([50, true]);
  await open.jumpTo('m20');
  expect([texts()[0], texts().at(-1), open.timeline.reachesEnd]).toEqual(['one', '70', false]);
  while (!open.timeline.reachesEnd) {
    // Live, beyond the window.
    if (server.last === 160) open.receive(((server.write('bob', '161'), server.page(160))));
    await open.loadNewer();
  }
  expect(texts()).toEqual(['one', ...Array.from({ length: 160 }, (_, n) => String(n + 2))]);
});

it('the first of many new messages is found, or not if the history cannot be read', async () => {
  for (let n = 2; n <= 160; n += 1) server.write('bob', String(n));
  const other = new OpenConversation('c', ME, { ...server, get: async () => ({ ...(await server.get()), unread: 130 }) });
  await other.load();
  expect([other.newFrom, other.newCount]).toEqual([null, 130]);
  await other.jumpToNew();
  expect(other.newFrom).toBe('m31');
  const failing = new OpenConversation('c', ME, {
    ...server,
    get: async () => ({ ...(await server.get()), unread: 130 }),
    listBefore: async (id, limit, before) => (before === undefined ? server.listBefore(id, limit) : server.refuse()),
  });
  await failing.load();
  await failing.jumpToNew();
  expect(failing.newFrom).toBeNull();
});

it('what is seen is marked once', async () => {
  vi.useFakeTimers();
  server.write('bob', 'two');
  open.receive(server.page(1));
  open.see();
  open.see();
  await vi.advanceTimersByTimeAsync(1_000);
  open.see();
  await vi.advanceTimersByTimeAsync(1_000);
  vi.useRealTimers();
  expect(server.reads).toEqual([2]);
});

it('others are shown as typing for a while, or until they have written; they are told of it now and then', async () => {
  vi.useFakeTimers();
  open.receiveTyping('bob');
  open.receiveTyping('eve');
  open.receiveTyping(ME);
  expect(open.typing).toEqual(['bob', 'eve']);
  server.write('bob', 'two');
  open.receive(server.page(1));
  expect(open.typing).toEqual(['eve']);
  await vi.advanceTimersByTimeAsync(10_000);
  vi.useRealTimers();
  expect(open.typing).toEqual([]);
  for (let key = 0; key < 5; key += 1) open.tellTyping();
  expect(server.showTyping).toHaveBeenCalledTimes(1);
});
