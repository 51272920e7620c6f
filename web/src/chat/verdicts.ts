// Owns the sentences about what was decided on a message, in the language of the page.
import { errorMessage, sentenceFor } from '../api/problem';
import type { ChatVerdict } from '../api/types';
import { refusalOf } from './unsent';

/** Returns why a message waits or is blurred; `null` if it is simply delivered. */
export const verdictSentence = ({ reason, sentence }: ChatVerdict): string | null => (reason === null || sentence === null ? null : sentenceFor({ code: reason, detail: sentence }));

/** Returns why a message was not taken: the reason of a verdict, or what else was wrong. */
export function problemSentence(problem: unknown): string {
  const { reason } = refusalOf(problem);
  const detail = errorMessage(problem);
  return reason === null ? detail : sentenceFor({ code: reason, detail });
}
