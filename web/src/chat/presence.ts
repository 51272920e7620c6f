// Owns what is shown of presence, and what changes make of it. Uses no browser API, so it is tested alone. Invariant: a conversation
// none of whose members has changed stays the same object.
import m from '#messages/chat';
import type { Conversation, ConversationMember } from '../api/types';
import { formatAgo } from '../ui/format';
import { othersOf } from './names';

export type Presence = ConversationMember['presence'];

/** The presence of a member, as the stream says it. */
export interface MemberPresence {
  account: string;
  presence: Presence;
}

/** What the stream says of presence. `all`: no one else is online. */
export interface PresenceChange {
  members: MemberPresence[];
  all: boolean;
}

/** Returns a conversation with the presence of members as it is now. */
export function withPresence<C extends Pick<Conversation, 'members'>>(conversation: C, { members: changes, all }: PresenceChange): C {
  const changed = new Map(changes.map(({ account, presence }) => [account, presence]));
  const members = conversation.members.map((member) => {
    const presence = changed.get(member.account);
    if (presence !== undefined) return { ...member, presence };
    return all && isOnline(member) ? { ...member, presence: { state: 'away' as const, last_seen_at: null } } : member;
  });
  return members.every((member, at) => member === conversation.members[at]) ? conversation : { ...conversation, members };
}

export const isOnline = (member: Pick<ConversationMember, 'presence'> | undefined): boolean => member?.presence?.state === 'online';

/** Returns what is said of a member's presence, if the reader sees it. */
export function presenceWords(member: Pick<ConversationMember, 'presence'> | undefined, now?: number): string | null {
  const presence = member?.presence ?? null;
  if (presence === null) return null;
  if (presence.state === 'online') return m.online();
  return presence.last_seen_at ? m.lastSeen({ time: formatAgo(presence.last_seen_at, now) }) : m.away();
}

/** Returns what is said below the name of a conversation: of two, the other member's presence; of a group, how many are there. */
export function conversationPresence(conversation: Pick<Conversation, 'kind' | 'members'>, me: string, now?: number): string | null {
  const others = othersOf(conversation, me);
  if (conversation.kind === 'pair') return presenceWords(others[0], now);
  const count = others.filter(isOnline).length;
  return count > 0 ? m.membersOnline({ count }) : null;
}
