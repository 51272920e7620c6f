// Owns the post operations of the API, one function each.
import { api, expectOk, readBody } from './client';
import type { Audience, Policies, Post } from './types';

export interface PostsPage {
  items: Post[];
  next?: string | null;
}

export interface NewPost {
  text: string;
  /** Ids of items of the member's own library. */
  media: string[];
  /** Alternative texts, in the order of the media. */
  alts: string[];
  audience: Audience;
  policies: Policies;
  place: string | null;
  /** The id of an audio item. */
  song: string | null;
  /** Whether it ends 24 hours after it has appeared. */
  story: boolean;
}

export interface PostChange {
  text?: string;
  audience?: Audience;
  policies?: Policies;
  /** Empty for none. */
  place?: string;
  /** Empty for none. */
  song?: string;
}

/** The largest number of media of one post. */
export const MAX_MEDIA = 20;
export const MAX_TEXT = 5_000;
export const MAX_ALT = 1_000;
export const MAX_PLACE = 80;

export const create = (body: NewPost): Promise<Post> => readBody(api.POST('/v1/posts', { body }));

/** `link` is the token of a post that only those with its link may read. */
export const get = (id: string, link: string | null = null): Promise<Post> =>
  readBody(api.GET('/v1/posts/{id}', { params: { path: { id }, ...(link === null ? {} : { query: { link } }) } }));

export const change = (id: string, body: PostChange): Promise<Post> => readBody(api.PATCH('/v1/posts/{id}', { params: { path: { id } }, body }));

export const remove = (id: string): Promise<void> => expectOk(api.DELETE('/v1/posts/{id}', { params: { path: { id } } }));

export const listOfMember = (handle: string, limit: number, after?: string): Promise<PostsPage> =>
  readBody(api.GET('/v1/accounts/{handle}/posts', { params: { path: { handle }, query: { limit, ...(after ? { after } : {}) } } }));
