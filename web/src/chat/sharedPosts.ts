// Owns which posts of this site a message links to. Uses no browser API, so it is tested alone.
import { postPath } from '../posts/postPath';

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** What may stand around a link in a sentence. */
const AROUND = /^[("'“«[]+|[.,;:!?)"'”»\]]+$/g;
/** Further ones stay links. */
const MAX_SHOWN = 3;

/** Returns the ids of the posts that a text links to, each once. A link with a token is for those who have it, and stays a link. */
export function sharedPosts(text: string, origin: string): string[] {
  const start = `${origin}${postPath('')}`;
  const words = text.split(/\s+/).map((word) => word.replaceAll(AROUND, ''));
  const ids = words.filter((word) => word.startsWith(start)).map((word) => word.slice(start.length));
  return [...new Set(ids.filter((id) => ID.test(id)))].slice(0, MAX_SHOWN);
}

/** Returns the link with which a post is shared. */
export const shareText = (id: string, origin: string): string => origin + postPath(id);
