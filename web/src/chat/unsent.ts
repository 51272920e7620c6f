// Owns the messages that are on their way to the server, or that it has not taken: what each looks like, and what can be done
// about it. Uses no browser API, so it is tested alone.
import { Problem } from '../api/problem';
import type { ChatMessage } from '../api/types';

export interface Unsent {
  /** The server stores one message under it, however often it is sent. */
  clientId: string;
  text: string;
  media: readonly string[];
  replyTo: string | null;
  /** `sent`: the server has it, and it is not among the messages yet. */
  state: 'sending' | 'sent' | 'failed' | 'refused';
  problem: unknown;
}

/** Returns the unsent messages that are not among those of the conversation. */
export const stillUnsent = (unsent: readonly Unsent[], messages: readonly ChatMessage[]): Unsent[] => {
  const arrived = new Set(messages.map(({ client_id }) => client_id));
  return unsent.filter(({ clientId }) => !arrived.has(clientId));
};

/** What the server does not take will not be taken again as it is; all else can be sent once more, under the same id. */
export const stateAfter = (problem: unknown): 'failed' | 'refused' =>
  problem instanceof Problem && problem.status >= 400 && problem.status < 500 && ![408, 409, 429].includes(problem.status) ? 'refused' : 'failed';
