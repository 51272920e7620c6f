// Owns how a comment looks while it is on its way to the server. Uses no browser API, so it is tested with its users.
import type { Account, Comment } from '../api/types';

const PREFIX = 'unsent-';
let count = 0;

export const isUnsent = ({ id }: Comment): boolean => id.startsWith(PREFIX);

/** Returns the comment to show until the server has it, or `null` for a visitor. */
export function unsentComment(account: Account | null, post: string, text: string, answers: string | null): Comment | null {
  if (!account) return null;
  count += 1;
  return {
    id: `${PREFIX}${count}`,
    post,
    answers,
    author: { id: account.id, handle: account.handle, display_name: account.display_name, avatar: account.avatar ?? null, is_private: account.is_private },
    state: 'shown',
    text,
    answer_count: 0,
    verdict: null,
    can: { answer: false, approve: false, remove: false },
    created_at: '',
  };
}
