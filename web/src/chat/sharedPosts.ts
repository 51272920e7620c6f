// Owns which posts of this site a message links to. Uses no browser API, so it is tested alone.
import { postPath } from '../posts/postPath';

const POST_LINK = /\/p\/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?![\w?-])/g;
/** Further ones stay links. */
const MAX_SHOWN = 3;

/** Returns the ids of the posts that a text links to, each once. */
export function sharedPosts(text: string, origin: string): string[] {
  const ids = [...text.matchAll(POST_LINK)].filter(({ 0: path, index }) => text.slice(0, index).endsWith(origin) && path !== '').map((match) => match[1] ?? '');
  return [...new Set(ids)].slice(0, MAX_SHOWN);
}

/** Returns the link with which a post is shared. */
export const shareText = (id: string, origin: string): string => origin + postPath(id);
