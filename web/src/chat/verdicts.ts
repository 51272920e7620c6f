// Owns the sentences about what was decided on a message, in the language of the page.
import { sentenceFor } from '../api/problem';
import type { ChatVerdict } from '../api/types';

/** Returns why a message waits or is blurred; `null` if it is simply delivered. */
export const verdictSentence = ({ reason, sentence }: ChatVerdict): string | null => (reason === null || sentence === null ? null : sentenceFor({ code: reason, detail: sentence }));
