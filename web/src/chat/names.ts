// Owns how conversations and their members are called. Uses no browser API, so it is tested alone.
import m from '#messages/chat';
import type { ChatMessage, Conversation, ConversationMember } from '../api/types';
import { formatList } from '../ui/format';

/** More members are not named in the title of a group without a name. */
const MAX_NAMED = 4;

/** A member as an avatar needs them. */
export interface ShownMember {
  handle: string;
  display_name: string;
  avatar: string | null;
}

export const shownMember = (member: ConversationMember | undefined): ShownMember => ({ handle: member?.handle ?? '', display_name: member?.display_name ?? '', avatar: member?.avatar ?? null });

/** Returns the name of a member; those whose account is gone, or who have left, have none. */
export const memberName = (member: Pick<ConversationMember, 'handle' | 'display_name'> | undefined): string => member?.display_name || member?.handle || m.formerMember();

export const othersOf = ({ members }: Pick<Conversation, 'members'>, me: string): ConversationMember[] => members.filter(({ account }) => account !== me);

/** The other member of a conversation of two. */
export const otherOf = (conversation: Pick<Conversation, 'kind' | 'members'>, me: string): ConversationMember | undefined => (conversation.kind === 'pair' ? othersOf(conversation, me)[0] : undefined);

/** Returns what a conversation is called: the other member, the name of the group, or who is in it. */
export function conversationName(conversation: Pick<Conversation, 'kind' | 'name' | 'members'>, me: string): string {
  if (conversation.kind === 'pair') return memberName(otherOf(conversation, me));
  if (conversation.name) return conversation.name;
  const names = othersOf(conversation, me).slice(0, MAX_NAMED).map(memberName);
  return names.length > 0 ? formatList(names) : m.group();
}

/** Returns one line about a message: its text, or what it has instead. */
export function summaryOf({ state, text, media_count: count }: Pick<ChatMessage, 'state' | 'text' | 'media_count'>): string {
  if (state === 'removed') return m.removed();
  return text || m.mediaCount({ count });
}

/** Whether the summary of a message is in the words of its author. */
export const isInOwnWords = ({ state, text }: Pick<ChatMessage, 'state' | 'text'>): boolean => state !== 'removed' && text !== '';
