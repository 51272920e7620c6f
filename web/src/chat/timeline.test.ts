// Proves that changes are merged by their places: once each, without a gap, and only those of the sequence.
import { expect, it } from 'vitest';
import type { ChatChange, ChatMessage, ConversationMember } from '../api/types';
import { firstUnread, groupReactions, merge, newestOfOthers, receiptOf, timelineOf, withMessage, withReaction, withRemoved, type Timeline } from './timeline';

const ME = 'me';
const OTHER = 'bob';

const message = (seq: number, part: Partial<ChatMessage> = {}): ChatMessage => ({
  id: `m${seq}`, conversation: 'c', seq, author: OTHER, client_id: null, state: 'sent', text: `text ${seq}`, media: [], media_count: 0, blurred: false,
  reply_to: null, reactions: [], verdict: null, edited_at: null, created_at: '2026-05-04T18:30:00Z', ...part,
});
const change = (seq: number, part: Partial<ChatChange>): ChatChange => ({ seq, kind: 'none', member: null, value: null, message_id: null, message: null, at: '2026-05-04T18:30:00Z', ...part });
const sent = (seq: number, part: Partial<ChatMessage> = {}): ChatChange => change(seq, { kind: 'message', member: OTHER, message_id: `m${seq}`, message: message(seq, part) });
const member = (account: string): ConversationMember => ({ account, handle: account, display_name: null, avatar: null, admin: false, read_seq: 0, delivered_seq: 0, presence: null });
const timeline = (...seqs: number[]): Timeline => timelineOf({ epoch: 7, last_seq: seqs.at(-1) ?? 0, members: [member(ME), member(OTHER)] }, seqs.map((seq) => message(seq)));

/** The timeline after changes, which must fit. */
function merged(before: Timeline, ...changes: ChatChange[]): Timeline {
  const after = merge(before, { epoch: 7, changes });
  if (after.kind !== 'merged') throw new Error(after.kind);
  return after.timeline;
}
const texts = ({ messages }: Timeline): string[] => messages.map(({ text }) => text);

it('a change is merged once, however often it comes, and places without one count', () => {
  const after = merged(timeline(1), sent(2), change(3, {}), sent(4));
  expect(texts(after)).toEqual(['text 1', 'text 2', 'text 4']);
  expect(merged(after, sent(2), change(3, {}), sent(4))).toEqual(after);
  expect(after.seq).toBe(4);
});

it('a gap and another sequence merge nothing', () => {
  expect(merge(timeline(1), { epoch: 7, changes: [sent(3)] })).toEqual({ kind: 'gap' });
  expect(merge(timeline(1), { epoch: 7, changes: [sent(2), sent(4)] })).toEqual({ kind: 'gap' });
  expect(merge(timeline(1), { epoch: 8, changes: [sent(2)] })).toEqual({ kind: 'reset' });
  expect(merge(timeline(1), { epoch: 7, changes: [change(2, { kind: 'reload' })] })).toEqual({ kind: 'reset' });
});

it('a message is shown as it is now: changed, deleted for all, or taken away', () => {
  const before = merged(timeline(1), sent(2), sent(3));
  const edited = change(4, { kind: 'edited', message_id: 'm1', message: message(1, { text: 'better' }) });
  const removed = change(5, { kind: 'removed', message_id: 'm2', message: message(2, { state: 'removed', text: '' }) });
  const hidden = change(6, { kind: 'hidden', message_id: 'm3' });
  expect(texts(merged(before, edited, removed, hidden))).toEqual(['better', '']);
  // A message that is there no more leaves nothing behind.
  expect(texts(merged(timeline(1), change(2, { kind: 'message', message_id: 'm2' })))).toEqual(['text 1']);
});

it('a window in the middle takes no message beyond its ends', () => {
  const middle: Timeline = { ...timeline(5, 6), seq: 9, reachesEnd: false };
  expect(texts(merged(middle, sent(10)))).toEqual(['text 5', 'text 6']);
  expect(texts(withMessage(middle, message(2)))).toEqual(['text 5', 'text 6']);
  expect(texts(withMessage({ ...middle, messages: [message(3), message(6)] }, message(5)))).toEqual(['text 3', 'text 5', 'text 6']);
});

it('marks move forward only, and say how far a message has come', () => {
  const read = (seq: number, value: number): ChatChange => change(seq, { kind: 'read', member: OTHER, value });
  const delivered = (seq: number, value: number): ChatChange => change(seq, { kind: 'delivered', member: OTHER, value });
  const after = merged(timeline(1), delivered(2, 1), read(3, 1), read(4, 0));
  expect([receiptOf(timeline(1), 1, [OTHER]), receiptOf(after, 1, [OTHER]), receiptOf(after, 2, [OTHER])]).toEqual(['sent', 'read', 'sent']);
  expect(receiptOf(merged(timeline(1), delivered(2, 1)), 1, [OTHER])).toBe('delivered');
  // One of several has not.
  expect(receiptOf(after, 1, [OTHER, 'eve'])).toBe('sent');
  expect(receiptOf(after, 1, [])).toBe('sent');
});

it('who takes part is read again when it has changed', () => {
  expect(merge(timeline(1), { epoch: 7, changes: [change(2, { kind: 'joined', member: 'eve' })] })).toMatchObject({ kind: 'merged', isStale: true });
  expect(merge(timeline(1), { epoch: 7, changes: [sent(2)] })).toMatchObject({ kind: 'merged', isStale: false });
});

it('what was unread begins with the right message of others', () => {
  const messages = [message(1), message(2, { author: ME }), message(3), message(4, { state: 'removed' }), message(5), message(6, { author: ME })];
  expect([0, 1, 2, 3, 4].map((unread) => firstUnread(messages, ME, unread))).toEqual([null, 'm5', 'm3', 'm1', null]);
  expect([newestOfOthers(messages, ME), newestOfOthers([], ME)]).toEqual([5, 0]);
});

it('a member has one reaction, and a deletion for all takes everything of a message', () => {
  const liked = withReaction(withReaction(timeline(1), 'm1', ME, '👍'), 'm1', OTHER, '👍');
  expect(groupReactions(liked.messages[0]!.reactions)).toEqual([{ reaction: '👍', accounts: [ME, OTHER] }]);
  const changed = withReaction(liked, 'm1', ME, '❤️');
  expect(groupReactions(changed.messages[0]!.reactions)).toEqual([{ reaction: '👍', accounts: [OTHER] }, { reaction: '❤️', accounts: [ME] }]);
  expect(withReaction(changed, 'm1', ME, null).messages[0]!.reactions).toEqual([{ account: OTHER, reaction: '👍' }]);
  expect(withRemoved(liked, 'm1').messages[0]).toMatchObject({ state: 'removed', text: '', reactions: [] });
});
