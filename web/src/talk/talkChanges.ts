// Owns what a post becomes when its reader reacts to it, saves it, reposts it or comments on it. Does not own sending it. Uses no
// browser API, so it is tested alone.
import type { Post, ReactionKind } from '../api/types';

/** The reactions, in the order in which they are offered. */
export const REACTIONS = ['like', 'love', 'laugh', 'wow', 'sad', 'applause'] as const satisfies readonly ReactionKind[];

/** Sets the reader's reaction; another one instead of the first counts no second time. */
export function withReaction(post: Post, reaction: ReactionKind | null): Post {
  const by = Number(reaction !== null) - Number(post.mine.reaction !== null);
  return { ...post, mine: { ...post.mine, reaction }, counts: { ...post.counts, reactions: Math.max(0, post.counts.reactions + by) } };
}

export const withSaved = (post: Post, saved: boolean): Post => ({ ...post, mine: { ...post.mine, saved } });

/** Whether the reader has reposted a post, also if that waits for approval. */
export const hasReposted = ({ mine }: Post): boolean => mine.reposted || mine.repost_pending;

/** Sets whether the reader reposts. What waits for approval is not shown, and does not count yet; of their own post nothing waits. */
export function withReposted(post: Post, isDone: boolean, isOwn: boolean): Post {
  const waits = post.policies.repost === 'approval' && !isOwn;
  const mine = { ...post.mine, reposted: isDone && !waits, repost_pending: isDone && waits };
  const by = Number(mine.reposted) - Number(post.mine.reposted);
  return { ...post, mine, counts: { ...post.counts, reposts: Math.max(0, post.counts.reposts + by) } };
}

export const withReposts = (post: Post, by: number): Post => ({ ...post, counts: { ...post.counts, reposts: Math.max(0, post.counts.reposts + by) } });

export const withComments = (post: Post, by: number): Post => ({ ...post, counts: { ...post.counts, comments: Math.max(0, post.counts.comments + by) } });
