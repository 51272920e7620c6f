// Owns what changes make of a conversation in the list: its newest message, how many are unread, marks. Uses no browser API, so
// it is tested alone. Invariant: where the changes alone don't say what the row becomes, it is read again.
import type { ChatChange, ChatChanges, Conversation } from '../api/types';

/** A row after changes, and whether it moves to the top; `null`: it is to be read again. */
export type RowChange = { row: Conversation; hasMessage: boolean } | null;

/** Returns what changes make of a row. */
export function rowAfter(row: Conversation, { epoch, changes }: Pick<ChatChanges, 'epoch' | 'changes'>, me: string): RowChange {
  if (epoch !== row.epoch) return null;
  let after = row;
  let hasMessage = false;
  for (const change of changes) {
    if (change.seq <= after.last_seq) continue;
    if (change.seq !== after.last_seq + 1) return null;
    const next = rowAfterOne(after, change, me);
    if (next === null) return null;
    after = { ...next, last_seq: change.seq };
    hasMessage ||= change.kind === 'message' && change.message !== null;
  }
  return { row: after, hasMessage };
}

function rowAfterOne(row: Conversation, change: ChatChange, me: string): Conversation | null {
  const { kind, member, value, message, message_id: id } = change;
  switch (kind) {
    case 'none':
      return row;
    case 'message':
      if (message === null) return row;
      return { ...row, newest: message, unread: row.unread + Number(message.author !== me && message.state === 'sent') };
    case 'edited':
    case 'reacted':
      return row.newest?.id === id && message !== null ? { ...row, newest: message } : row;
    case 'read':
      // How many are left, only the server knows, unless that is none.
      if (member === me) return row.unread === 0 ? row : value !== null && value >= (row.newest?.seq ?? 0) ? { ...row, unread: 0 } : null;
      return withMark(row, member, value, 'read_seq');
    case 'delivered':
      return withMark(row, member, value, 'delivered_seq');
    default:
      return null;
  }
}

const withMark = (row: Conversation, account: string | null, value: number | null, mark: 'read_seq' | 'delivered_seq'): Conversation => ({
  ...row,
  members: row.members.map((one) => (one.account === account ? { ...one, [mark]: Math.max(one[mark], value ?? 0) } : one)),
});

/** Where a conversation is, as the stream says it first. */
export interface Place {
  conversation: string;
  epoch: number;
  last_seq: number;
}

/** Whether rows lack something that the server has. Of conversations below those that are listed, nothing is known. */
export function isBehind(rows: readonly Conversation[], places: readonly Place[], hasMore: boolean): boolean {
  const known = new Map(rows.map((row) => [row.id, row]));
  const expected = hasMore ? places.slice(0, rows.length) : places;
  return expected.some(({ conversation, epoch, last_seq }) => {
    const row = known.get(conversation);
    return row === undefined || row.epoch !== epoch || row.last_seq < last_seq;
  });
}
