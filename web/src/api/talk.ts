// Owns the operations about what members say of posts, one function each: comments, reactions, saves, reposts, reports.
import { api, expectOk, readBody } from './client';
import type { PostsPage } from './posts';
import type { Comment, Post, ReactionKind, Removal, Repost } from './types';

export interface CommentsPage {
  items: Comment[];
  next?: string | null;
}

export interface RepostsPage {
  items: Repost[];
  next?: string | null;
}

export interface RemovalsPage {
  items: Removal[];
  next?: string | null;
}

export type ReportKind = 'post' | 'comment' | 'account';
export type ReportReason = 'spam' | 'harassment' | 'hate' | 'violence' | 'nudity' | 'child_safety' | 'self_harm' | 'impersonation' | 'copyright' | 'other';

export interface NewReport {
  kind: ReportKind;
  id: string;
  reason: ReportReason;
  text: string;
  /** The token with which the post was opened, if it has one. */
  link?: string;
}

export const MAX_COMMENT = 2_000;
export const MAX_REPORT = 1_000;

const of = (id: string) => ({ path: { id } });
const pageOf = (limit: number, after?: string) => ({ limit, ...(after ? { after } : {}) });
/** `link`: the token with which the post was opened. */
const withLink = (link: string | null) => (link === null ? {} : { query: { link } });

/** The comments on a post, newest first. */
export const listComments = (post: string, link: string | null, limit: number, after?: string): Promise<CommentsPage> =>
  readBody(api.GET('/v1/posts/{id}/comments', { params: { ...of(post), query: { ...pageOf(limit, after), ...(link === null ? {} : { link }) } } }));

/** The answers to a comment, oldest first. */
export const listAnswers = (post: string, comment: string, link: string | null, limit: number, after?: string): Promise<CommentsPage> =>
  readBody(api.GET('/v1/posts/{id}/comments', { params: { ...of(post), query: { answers: comment, ...pageOf(limit, after), ...(link === null ? {} : { link }) } } }));

/** Writes a comment, or an answer to one. */
export const comment = (post: string, text: string, answers: string | null, link: string | null): Promise<Comment> =>
  readBody(api.POST('/v1/posts/{id}/comments', { params: { ...of(post), ...withLink(link) }, body: answers === null ? { text } : { text, answers } }));

/** The comments on the member's own posts that wait for approval, oldest first. */
export const listPendingComments = (limit: number, after?: string): Promise<CommentsPage> => readBody(api.GET('/v1/me/comments/pending', { params: { query: pageOf(limit, after) } }));

export const removeComment = (id: string): Promise<void> => expectOk(api.DELETE('/v1/comments/{id}', { params: of(id) }));
export const approveComment = (id: string): Promise<void> => expectOk(api.POST('/v1/comments/{id}/approve', { params: of(id) }));

export const react = (post: string, kind: ReactionKind, link: string | null): Promise<void> => expectOk(api.PUT('/v1/posts/{id}/reaction', { params: { ...of(post), ...withLink(link) }, body: { kind } }));
export const endReaction = (post: string): Promise<void> => expectOk(api.DELETE('/v1/posts/{id}/reaction', { params: of(post) }));

export const save = (post: string): Promise<void> => expectOk(api.PUT('/v1/posts/{id}/save', { params: of(post) }));
export const unsave = (post: string): Promise<void> => expectOk(api.DELETE('/v1/posts/{id}/save', { params: of(post) }));
export const listSaved = (limit: number, after?: string): Promise<PostsPage> => readBody(api.GET('/v1/me/saved', { params: { query: pageOf(limit, after) } }));

/** Reposts a post. Returns it. */
export const repost = (post: string): Promise<Post> => readBody(api.POST('/v1/posts/{id}/repost', { params: of(post) }));
export const endRepost = (post: string): Promise<void> => expectOk(api.DELETE('/v1/posts/{id}/repost', { params: of(post) }));

/** Those who repost a post; its author also sees those who wait for approval. */
export const listReposts = (post: string, limit: number, after?: string): Promise<RepostsPage> =>
  readBody(api.GET('/v1/posts/{id}/reposts', { params: { ...of(post), query: pageOf(limit, after) } }));

const ofRepost = (id: string, handle: string) => ({ path: { id, handle } });
/** Approves or removes the repost of another member, by the author of the post. */
export const approveRepost = (post: string, handle: string): Promise<void> => expectOk(api.POST('/v1/posts/{id}/reposts/{handle}/approve', { params: ofRepost(post, handle) }));
export const removeRepost = (post: string, handle: string): Promise<void> => expectOk(api.DELETE('/v1/posts/{id}/reposts/{handle}', { params: ofRepost(post, handle) }));

export const report = (body: NewReport): Promise<void> => expectOk(api.POST('/v1/reports', { body }));

/** What moderators of the site have removed of the member's, the last first. */
export const listRemovals = (limit: number, after?: string): Promise<RemovalsPage> => readBody(api.GET('/v1/me/removals', { params: { query: pageOf(limit, after) } }));

/** What the member wants of comments on their posts. */
export interface TalkSettings {
  /** Whether every comment of others waits for approval. */
  approval: boolean;
  /** A comment with one of these words or phrases waits for approval. */
  watched_words: string[];
}

export const getTalkSettings = (): Promise<TalkSettings> => readBody(api.GET('/v1/me/talk'));
export const putTalkSettings = (body: TalkSettings): Promise<TalkSettings> => readBody(api.PUT('/v1/me/talk', { body }));
