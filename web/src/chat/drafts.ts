// Owns what the member has typed in a conversation and not sent, while this page is open. Invariant: nothing of a member is kept
// when another one, or none, is signed in.
import { session } from '../session/session.svelte';

const drafts = new Map<string, string>();
session.onChange(() => drafts.clear());

export const draftOf = (conversation: string): string => drafts.get(conversation) ?? '';

export function keepDraft(conversation: string, text: string): void {
  if (text.trim() === '') drafts.delete(conversation);
  else drafts.set(conversation, text);
}
