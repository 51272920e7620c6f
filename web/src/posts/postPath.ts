// Owns the paths of posts on this page. Uses no browser API, so it is tested alone.
import type { Post } from '../api/types';

/** The path of a post's page; `link` is the token of one that only those with its link may read. */
export const postPath = (id: string, link: string | null = null): string => `/p/${id}${link === null ? '' : `?link=${encodeURIComponent(link)}`}`;

/** The path of a thread's page. */
export const threadPath = (id: string, link: string | null = null): string => `/t/${id}${link === null ? '' : `?link=${encodeURIComponent(link)}`}`;

/** The path of a song's page. */
export const songPath = (id: string): string => `/songs/${encodeURIComponent(id)}`;

/** Returns the link to share of the member's own post with the audience `link`, or `null`. The server's `link` is a path of the API. */
export function linkOf(post: Pick<Post, 'id' | 'link'>, origin: string): string | null {
  const token = tokenOf(post, origin);
  return token === null ? null : origin + postPath(post.id, token);
}

/** The same of the thread that the post opens. */
export function threadLinkOf(opening: Pick<Post, 'id' | 'link'>, origin: string): string | null {
  const token = tokenOf(opening, origin);
  return token === null ? null : origin + threadPath(opening.id, token);
}

const tokenOf = ({ link }: Pick<Post, 'link'>, origin: string): string | null => (link === null ? null : new URL(link, origin).searchParams.get('link'));
