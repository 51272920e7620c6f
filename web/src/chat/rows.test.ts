// Proves what changes make of a row of the list, and that it is read again where they don't say everything.
import { expect, it } from 'vitest';
import type { ChatChange, ChatMessage, Conversation } from '../api/types';
import { isBehind, rowAfter } from './rows';

const ME = 'me';
const message = (seq: number, author: string): ChatMessage => ({
  id: `m${seq}`, conversation: 'c', seq, author, client_id: null, state: 'sent', text: `text ${seq}`, media: [], media_count: 0, blurred: false,
  reply_to: null, reactions: [], verdict: null, edited_at: null, created_at: '2026-05-04T18:30:00Z',
});
const row = (part: Partial<Conversation> = {}): Conversation => ({
  id: 'c', kind: 'pair', state: 'joined', name: null, picture: null, has_invite: false, members: [{ account: 'bob', handle: 'bob', display_name: null, avatar: null, admin: false, read_seq: 0, delivered_seq: 0, presence: null }],
  epoch: 7, last_seq: 3, unread: 1, newest: message(3, 'bob'), can: null, request: null, created_at: '2026-05-04T18:30:00Z', ...part,
});
const change = (seq: number, part: Partial<ChatChange>): ChatChange => ({ seq, kind: 'none', member: null, value: null, message_id: null, message: null, at: '2026-05-04T18:30:00Z', ...part });
const sent = (seq: number, author: string): ChatChange => change(seq, { kind: 'message', member: author, message_id: `m${seq}`, message: message(seq, author) });
const after = (...changes: ChatChange[]) => rowAfter(row(), { epoch: 7, changes }, ME);

it('a message of others is unread, one of the member’s own is not', () => {
  expect(after(sent(4, 'bob'), sent(5, ME))).toMatchObject({ hasMessage: true, row: { unread: 2, last_seq: 5, newest: { id: 'm5' } } });
  // Known already.
  expect(after(sent(3, 'bob'))).toMatchObject({ hasMessage: false, row: { unread: 1, last_seq: 3 } });
});

it('what is read to the end leaves none unread; how many are left else, only the server knows', () => {
  expect(after(change(4, { kind: 'read', member: ME, value: 3 }))?.row.unread).toBe(0);
  expect(after(change(4, { kind: 'read', member: ME, value: 2 }))).toBeNull();
  expect(after(change(4, { kind: 'read', member: 'bob', value: 2 }))?.row).toMatchObject({ unread: 1, members: [{ read_seq: 2 }] });
});

it('a row is read again after a gap, in another sequence, and when messages or members are gone', () => {
  expect(after(sent(5, 'bob'))).toBeNull();
  expect(rowAfter(row(), { epoch: 8, changes: [sent(4, 'bob')] }, ME)).toBeNull();
  for (const kind of ['removed', 'hidden', 'left', 'joined', 'conversation', 'reload'] as const) expect(after(change(4, { kind, message_id: 'm3' })), kind).toBeNull();
});

it('the newest message is shown as it is now', () => {
  const edited = { ...message(3, 'bob'), text: 'better' };
  expect(after(change(4, { kind: 'edited', message_id: 'm3', message: edited }))?.row.newest?.text).toBe('better');
  expect(after(change(4, { kind: 'reacted', message_id: 'm1', message: message(1, 'bob') }))?.row.newest?.id).toBe('m3');
});

it('a list is behind if one of its places is, and not for what is below its end', () => {
  const place = { conversation: 'c', epoch: 7, last_seq: 3 };
  const other = { ...place, conversation: 'd' };
  expect(isBehind([row()], [place], false)).toBe(false);
  expect(isBehind([row()], [{ ...place, last_seq: 4 }], false)).toBe(true);
  expect(isBehind([row()], [{ ...place, epoch: 8 }], false)).toBe(true);
  expect([isBehind([row()], [place, other], false), isBehind([row()], [place, other], true)]).toEqual([true, false]);
});
