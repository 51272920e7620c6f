// Owns the feed operations of the API, and those about the tags, places and songs that a member follows, one function each.
import { api, expectOk, readBody } from './client';
import type { PostsPage } from './posts';

export interface HomePage extends PostsPage {
  /** Where home began when it was read; `null` on later pages. */
  marker: string | null;
}

export type Sort = 'recent' | 'rising';

const pageOf = (limit: number, after?: string) => ({ limit, ...(after ? { after } : {}) });

export const home = (limit: number, after?: string): Promise<HomePage> => readBody(api.GET('/v1/feeds/home', { params: { query: pageOf(limit, after) } }));

/** Returns how many posts are above a marker. */
export const countNew = (since: string): Promise<{ count: number; has_more: boolean }> => readBody(api.GET('/v1/feeds/home/new', { params: { query: { since } } }));

export const explore = (sort: Sort, limit: number, after?: string): Promise<PostsPage> =>
  readBody(api.GET('/v1/feeds/explore', { params: { query: { ...pageOf(limit, after), sort } } }));

export const ofTag = (tag: string, limit: number, after?: string): Promise<PostsPage> => readBody(api.GET('/v1/feeds/tags/{tag}', { params: { path: { tag }, query: pageOf(limit, after) } }));

export const ofPlace = (place: string, limit: number, after?: string): Promise<PostsPage> => readBody(api.GET('/v1/feeds/places/{place}', { params: { path: { place }, query: pageOf(limit, after) } }));

export const ofSong = (id: string, limit: number, after?: string): Promise<PostsPage> => readBody(api.GET('/v1/feeds/songs/{id}', { params: { path: { id }, query: pageOf(limit, after) } }));

/** What a member follows besides people, of which this page has pages. */
export type TopicKind = 'tag' | 'place' | 'song';

const topicPath = (kind: TopicKind, name: string) => ({ params: { path: { kind, name } } });
export const follow = (kind: TopicKind, name: string): Promise<void> => expectOk(api.PUT('/v1/topics/{kind}/{name}/follow', topicPath(kind, name)));
export const unfollow = (kind: TopicKind, name: string): Promise<void> => expectOk(api.DELETE('/v1/topics/{kind}/{name}/follow', topicPath(kind, name)));

/** The largest page of topics; a member who follows more sees “Follow” once more, which changes nothing. */
const MAX_TOPICS = 100;

/** Whether the member follows a topic. The case and the spaces of a tag or a place do not matter, the case of a song's id does. */
export const follows = async (wanted: TopicKind, name: string): Promise<boolean> => {
  const { items } = await readBody(api.GET('/v1/topics', { params: { query: { limit: MAX_TOPICS } } }));
  const spelling = wanted === 'song' ? name : name.trim().split(/\s+/).join(' ').toLowerCase();
  return items.some((topic) => topic.kind === wanted && topic.name === spelling);
};
