// Owns what the changes of a conversation make of the messages that are shown: merging by place, gaps, marks, and what the
// member's own acts look like before the server has done them. Uses no browser API, so it is tested alone.
// Invariant: messages are in the order of their places and none is there twice; a change that is merged again changes nothing.
import type { ChatChange, ChatChanges, ChatMessage, Conversation } from '../api/types';

export interface Timeline {
  /** The number of the sequence of changes: places of another one mean nothing. */
  epoch: number;
  /** All changes up to this place are merged. */
  seq: number;
  messages: readonly ChatMessage[];
  /** Whether the newest message is among them, so that the next one belongs behind it. */
  reachesEnd: boolean;
  /** Up to where each member has said that they have read, and received, by account. */
  read: Readonly<Record<string, number>>;
  delivered: Readonly<Record<string, number>>;
}

export const EMPTY: Timeline = { epoch: 0, seq: 0, messages: [], reachesEnd: true, read: {}, delivered: {} };

/** What has become of changes. `gap`: some before them are missing. `reset`: the conversation is to be read again. */
export type Merge = { kind: 'merged'; timeline: Timeline; isStale: boolean } | { kind: 'gap' | 'reset' };

/** Returns the timeline of a conversation that was read before its messages. */
export function timelineOf(conversation: Pick<Conversation, 'epoch' | 'last_seq' | 'members'>, messages: readonly ChatMessage[], reachesEnd = true): Timeline {
  const { epoch, last_seq: seq } = conversation;
  return withMembers({ ...EMPTY, epoch, seq, messages: inOrder(messages), reachesEnd }, conversation);
}

/** Takes the marks of a conversation that was read again. Marks move forward only. */
export function withMembers(timeline: Timeline, { members }: Pick<Conversation, 'members'>): Timeline {
  const read = { ...timeline.read };
  const delivered = { ...timeline.delivered };
  for (const { account, read_seq, delivered_seq } of members) {
    read[account] = Math.max(read[account] ?? 0, read_seq);
    delivered[account] = Math.max(delivered[account] ?? 0, delivered_seq);
  }
  return { ...timeline, read, delivered };
}

/** Merges changes that come after the place of the timeline, or that it has already. */
export function merge(timeline: Timeline, { epoch, changes }: Pick<ChatChanges, 'epoch' | 'changes'>): Merge {
  if (epoch !== timeline.epoch) return { kind: 'reset' };
  let merged = timeline;
  let isStale = false;
  for (const change of changes) {
    if (change.seq <= merged.seq) continue;
    if (change.seq !== merged.seq + 1) return { kind: 'gap' };
    if (change.kind === 'reload') return { kind: 'reset' };
    isStale ||= change.kind === 'joined' || change.kind === 'left' || change.kind === 'conversation';
    merged = { ...mergeOne(merged, change), seq: change.seq };
  }
  return { kind: 'merged', timeline: merged, isStale };
}

function mergeOne(timeline: Timeline, { kind, member, value, message_id: id, message }: ChatChange): Timeline {
  if (kind === 'read' || kind === 'delivered') {
    if (member === null || value === null) return timeline;
    const marks = { ...timeline[kind], [member]: Math.max(timeline[kind][member] ?? 0, value) };
    return { ...timeline, [kind]: marks };
  }
  if (message) return withMessage(timeline, message);
  return id === null ? timeline : withoutMessage(timeline, id);
}

/** Puts a message in the place of its older state, or where it belongs if that is within what is shown. */
export function withMessage(timeline: Timeline, message: ChatMessage): Timeline {
  const { messages, reachesEnd } = timeline;
  if (messages.some(({ id }) => id === message.id)) return { ...timeline, messages: messages.map((one) => (one.id === message.id ? message : one)) };
  const [first, last] = [messages[0], messages.at(-1)];
  const isAfterEnd = last === undefined || message.seq > last.seq;
  const isWithin = isAfterEnd ? reachesEnd : first !== undefined && message.seq > first.seq;
  return isWithin ? { ...timeline, messages: inOrder([...messages, message]) } : timeline;
}

export const withoutMessage = (timeline: Timeline, id: string): Timeline => ({ ...timeline, messages: timeline.messages.filter((message) => message.id !== id) });

/** Adds a page of the history at either end. */
export const withPage = (timeline: Timeline, page: readonly ChatMessage[], reachesEnd = timeline.reachesEnd): Timeline => ({ ...timeline, messages: inOrder([...timeline.messages, ...page]), reachesEnd });

function inOrder(messages: readonly ChatMessage[]): ChatMessage[] {
  // The last one with an id is the newest state.
  const byId = new Map(messages.map((message) => [message.id, message]));
  return [...byId.values()].sort((a, b) => a.seq - b.seq);
}

const change = (timeline: Timeline, id: string, apply: (message: ChatMessage) => ChatMessage): Timeline => ({
  ...timeline,
  messages: timeline.messages.map((message) => (message.id === id ? apply(message) : message)),
});

/** Sets the reaction of a member, or takes it back. */
export const withReaction = (timeline: Timeline, id: string, account: string, reaction: string | null): Timeline =>
  change(timeline, id, (message) => {
    const others = message.reactions.filter((one) => one.account !== account);
    return { ...message, reactions: reaction === null ? others : [...others, { account, reaction }] };
  });

export const withText = (timeline: Timeline, id: string, text: string, at: string): Timeline => change(timeline, id, (message) => ({ ...message, text, edited_at: at }));

/** A message that its author has deleted for all leaves its place. */
export const withRemoved = (timeline: Timeline, id: string): Timeline =>
  change(timeline, id, (message) => ({ ...message, state: 'removed', text: '', media: [], media_count: 0, reactions: [] }));

const isOfOthers = (message: ChatMessage, me: string): boolean => message.author !== me && message.state === 'sent';

/** Returns the first of the `unread` newest messages of others; `null` if there is none, or if it is above what is shown. */
export function firstUnread(messages: readonly ChatMessage[], me: string, unread: number): string | null {
  if (unread <= 0) return null;
  const others = messages.filter((message) => isOfOthers(message, me));
  return others[others.length - unread]?.id ?? null;
}

/** The place of the newest message of others, up to which all is read once it is seen; 0 if there is none. */
export const newestOfOthers = (messages: readonly ChatMessage[], me: string): number => messages.findLast((message) => isOfOthers(message, me))?.seq ?? 0;

export type Receipt = 'sent' | 'delivered' | 'read';

/** Returns how far a message of the member's has come: read by all others, delivered to all, or sent. */
export function receiptOf({ read, delivered }: Timeline, seq: number, others: readonly string[]): Receipt {
  const reach = (marks: Readonly<Record<string, number>>): boolean => others.length > 0 && others.every((account) => (marks[account] ?? 0) >= seq);
  return reach(read) ? 'read' : reach(delivered) ? 'delivered' : 'sent';
}

/** Reactions by what they are, in the order in which they came. */
export function groupReactions(reactions: ChatMessage['reactions']): { reaction: string; accounts: string[] }[] {
  const groups = new Map<string, string[]>();
  for (const { account, reaction } of reactions) groups.set(reaction, [...(groups.get(reaction) ?? []), account]);
  return [...groups].map(([reaction, accounts]) => ({ reaction, accounts }));
}
