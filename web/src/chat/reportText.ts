// Owns what a report says of the message that it is about: its id and its words. Uses no browser API, so it is tested alone.
import type { ChatMessage } from '../api/types';

/** What a report's text can have, less some room for the member's own words. */
const MAX_QUOTED = 800;

/** Returns the beginning of a report's text. */
export function reportText({ id, text }: Pick<ChatMessage, 'id' | 'text'>): string {
  const characters = [...text];
  const quoted = characters.length > MAX_QUOTED ? `${characters.slice(0, MAX_QUOTED).join('')}…` : text;
  return quoted === '' ? `${id}\n` : `${id}\n${quoted}\n`;
}
