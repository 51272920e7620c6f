// Owns the types of the social operations until docs/openapi.json has them. They are those of contract/src/social/*.rs,
// services/social/src/api and services/gateway/src/screens, field by field; nothing imports this file.
// How it goes, once docs/openapi.json and docs/errors.md are generated with the role `social`:
//   1. npm run gen:api (in web/)
//   2. git rm src/api/interimSocial.ts: both together would say each path twice
//   3. npm run check && npx vitest run src/api src/messages src/apiKeys
// api/types.ts takes every type from the responses of paths, so nothing else changes. What the document lacks fails in step 3.
import type { components } from './schema';

interface Absent {
  get?: never;
  put?: never;
  post?: never;
  delete?: never;
  options?: never;
  head?: never;
  patch?: never;
  trace?: never;
}

type PathOf<Methods> = { parameters: { query?: never; header?: never; path?: never; cookie?: never } } & Methods & Omit<Absent, keyof Methods>;

type In<Path, Query> = { header?: never; cookie?: never } & ([Path] extends [never] ? { path?: never } : { path: Path }) & ([Query] extends [never] ? { query?: never } : { query?: Query });
type Sent<Body> = [Body] extends [never] ? { requestBody?: never } : { requestBody: { content: { 'application/json': Body } } };
type Headers = Record<string, unknown>;

/** An operation with a response in JSON. */
type Call<Status extends number, Response, Path = never, Body = never, Query = never> = {
  parameters: In<Path, Query>;
  responses: Record<Status, { headers: Headers; content: { 'application/json': Response } }>;
} & Sent<Body>;

/** An operation without a body in its response. */
type Done<Path = never, Body = never, Query = never> = { parameters: In<Path, Query>; responses: { 204: { headers: Headers; content?: never } } } & Sent<Body>;

interface Pages {
  limit?: number;
  after?: string;
}

interface List<T> {
  items: T[];
  next?: string | null;
}

type Handle = { handle: string };
type Id = { id: string };
/** A post or a thread, and a member. */
type PersonOf = { id: string; handle: string };

// People and posts.

interface Person {
  id: string;
  handle: string;
  display_name: string;
  avatar: string | null;
  is_private: boolean;
}

interface RelationState {
  state: 'none' | 'requested' | 'following' | 'blocked' | 'muted' | 'close';
}

type Audience = 'public' | 'followers' | 'friends' | 'close' | 'link';
type Policy = 'everyone' | 'followers' | 'friends' | 'approval' | 'nobody';

interface Policies {
  comment?: Policy;
  repost?: Policy;
  join?: Policy;
}

interface PostMedia {
  id: string;
  kind: 'photo' | 'audio' | 'video';
  state: 'received' | 'processing' | 'playable' | 'ready' | 'failed';
  alt: string;
  width: number | null;
  height: number | null;
  duration_ms: number | null;
  thumbhash: string | null;
  urls: { image: string | null; motion: string | null; poster: string | null; hls: string | null; waveform: string | null };
}

interface Post {
  id: string;
  author: Person;
  state: 'waiting' | 'published';
  text: string;
  tags: string[];
  mentions: Person[];
  media: PostMedia[];
  place: string | null;
  audience: Audience;
  policies: Policies;
  can: { comment: boolean; react: boolean; repost: boolean; join: boolean; change: boolean; remove: boolean };
  counts: { comments: number; reactions: number; reposts: number };
  mine: { reaction: ReactionKind | null; saved: boolean; reposted: boolean; repost_pending: boolean };
  thread: string | null;
  link: string | null;
  created_at: string;
  published_at: string | null;
  edited_at: string | null;
  expires_at: string | null;
}

interface NewPost {
  text?: string;
  media?: string[];
  alts?: string[];
  audience: Audience;
  policies?: Policies;
  place?: string | null;
  story?: boolean;
}

interface PostChange {
  text?: string | null;
  audience?: Audience | null;
  policies?: Policies | null;
  place?: string | null;
}

interface Topic {
  kind: 'tag' | 'place' | 'song';
  name: string;
}

// Feeds.

interface Feed {
  items: Post[];
  next: string | null;
  /** Where home began when it was read; `null` on later pages. */
  marker: string | null;
}

interface NewPosts {
  count: number;
  /** Whether there are more than are counted. */
  has_more: boolean;
}

// Comments, reactions, saves, reposts, reports.

type ReactionKind = 'like' | 'love' | 'laugh' | 'wow' | 'sad' | 'applause';

interface Comment {
  id: string;
  post: string;
  answers: string | null;
  author: Person;
  state: 'pending' | 'shown';
  text: string;
  answer_count: number;
  can: { answer: boolean; approve: boolean; remove: boolean };
  created_at: string;
}

interface Repost {
  person: Person;
  state: 'pending' | 'shown';
}

interface NewReport {
  kind: 'post' | 'comment' | 'account';
  id: string;
  reason: 'spam' | 'harassment' | 'hate' | 'violence' | 'nudity' | 'child_safety' | 'self_harm' | 'impersonation' | 'copyright' | 'other';
  text?: string;
  /** The token of the post's link. */
  link?: string | null;
}

interface TalkSettings {
  approval: boolean;
  watched_words: string[];
}

interface Link {
  link?: string;
}

// Threads.

type ThreadRule = 'open' | 'followers' | 'friends' | 'invited' | 'approval' | 'closed';

interface Thread {
  id: string;
  title: string;
  opening: Post;
  rule: ThreadRule;
  cap: number;
  parts: number;
  moderators: Person[];
  can: { join: boolean; moderate: boolean; invite: boolean; change: boolean; remove: boolean };
  programme: string;
  created_at: string;
}

interface ThreadPart {
  id: string;
  thread: string;
  state: 'joined' | 'pending' | 'removed';
  number: number | null;
  answers: string | null;
  reason: string | null;
  post: Post;
  can: { approve: boolean; remove: boolean; unlink: boolean };
}

interface NewThread {
  title: string;
  media: string;
  alt?: string | null;
  rule: ThreadRule;
  cap?: number | null;
  audience: Audience;
}

interface ThreadChange {
  title?: string | null;
  rule?: ThreadRule | null;
  cap?: number | null;
  audience?: Audience | null;
}

interface NewPart {
  media: string;
  text?: string;
  alt?: string | null;
  answers?: string | null;
}

type PartId = { id: string; part: string };

// Greetings.

interface Greeting {
  id: string;
  from: Person;
  to_name: string;
  text: string;
  media: PostMedia;
  created_at: string;
  expires_at: string;
  url: string | null;
  openings: { first_at: string | null; count: number } | null;
}

// Screens.

interface ProfileScreen {
  account: components['schemas']['Account'];
  counts: { followers: number; following: number; posts: number } | null;
  relationship: { follow: 'none' | 'requested' | 'following'; follows_you: boolean; requested_you: boolean; blocked: boolean; muted: boolean; close: boolean } | null;
  degraded: string[];
}

type Relation<Query = never> = PathOf<{ put: Call<200, RelationState, Handle, never, Query>; delete: Call<200, RelationState, Handle> }>;

declare module './schema' {
  interface paths {
    '/v1/accounts/{handle}/follow': Relation;
    '/v1/accounts/{handle}/block': Relation;
    '/v1/accounts/{handle}/mute': Relation<{ until?: string }>;
    '/v1/accounts/{handle}/close': Relation;
    '/v1/accounts/{handle}/followers': PathOf<{ get: Call<200, List<Person>, Handle, never, Pages> }>;
    '/v1/accounts/{handle}/following': PathOf<{ get: Call<200, List<Person>, Handle, never, Pages> }>;
    '/v1/accounts/{handle}/posts': PathOf<{ get: Call<200, List<Post>, Handle, never, Pages> }>;
    '/v1/follow-requests': PathOf<{ get: Call<200, List<Person>, never, never, Pages> }>;
    '/v1/follow-requests/{handle}/accept': PathOf<{ post: Done<Handle> }>;
    '/v1/follow-requests/{handle}/reject': PathOf<{ post: Done<Handle> }>;
    '/v1/topics': PathOf<{ get: Call<200, List<Topic>, never, never, Pages> }>;
    '/v1/topics/{kind}/{name}/follow': PathOf<{ put: Call<200, RelationState, Topic>; delete: Call<200, RelationState, Topic> }>;
    '/v1/posts': PathOf<{ post: Call<201, Post, never, NewPost> }>;
    '/v1/posts/{id}': PathOf<{ get: Call<200, Post, Id, never, Link>; patch: Call<200, Post, Id, PostChange>; delete: Done<Id> }>;
    '/v1/posts/{id}/comments': PathOf<{
      get: Call<200, List<Comment>, Id, never, Pages & Link & { answers?: string }>;
      post: Call<201, Comment, Id, { text: string; answers?: string | null }, Link>;
    }>;
    '/v1/comments/{id}': PathOf<{ delete: Done<Id> }>;
    '/v1/comments/{id}/approve': PathOf<{ post: Done<Id> }>;
    '/v1/posts/{id}/reaction': PathOf<{ put: Call<200, { reaction: ReactionKind | null }, Id, { kind: ReactionKind }, Link>; delete: Call<200, { reaction: ReactionKind | null }, Id> }>;
    '/v1/posts/{id}/save': PathOf<{ put: Call<200, { saved: boolean }, Id>; delete: Call<200, { saved: boolean }, Id> }>;
    '/v1/posts/{id}/repost': PathOf<{ post: Call<200 | 201, Post, Id>; delete: Done<Id> }>;
    '/v1/posts/{id}/reposts': PathOf<{ get: Call<200, List<Repost>, Id, never, Pages> }>;
    '/v1/posts/{id}/reposts/{handle}': PathOf<{ delete: Done<PersonOf> }>;
    '/v1/posts/{id}/reposts/{handle}/approve': PathOf<{ post: Done<PersonOf> }>;
    '/v1/me/comments/pending': PathOf<{ get: Call<200, List<Comment>, never, never, Pages> }>;
    '/v1/me/saved': PathOf<{ get: Call<200, List<Post>, never, never, Pages> }>;
    '/v1/me/talk': PathOf<{ get: Call<200, TalkSettings>; put: Call<200, TalkSettings, never, Partial<TalkSettings>> }>;
    '/v1/reports': PathOf<{ post: Call<201, { id: string; state: 'open' | 'closed' }, never, NewReport> }>;
    '/v1/threads': PathOf<{ post: Call<201, Thread, never, NewThread> }>;
    '/v1/threads/{id}': PathOf<{ get: Call<200, Thread, Id, never, Link>; patch: Call<200, Thread, Id, ThreadChange>; delete: Done<Id> }>;
    '/v1/threads/{id}/parts': PathOf<{
      get: Call<200, List<ThreadPart>, Id, never, Pages & Link & { state?: 'joined' | 'waiting' }>;
      post: Call<201, ThreadPart, Id, NewPart, Link>;
    }>;
    '/v1/threads/{id}/parts/{part}': PathOf<{ delete: { parameters: In<PartId, Link>; requestBody?: { content: { 'application/json': { reason?: string | null } } }; responses: { 204: { headers: Headers; content?: never } } } }>;
    '/v1/threads/{id}/parts/{part}/approve': PathOf<{ post: Done<PartId, never, Link> }>;
    '/v1/threads/{id}/invitations/{handle}': PathOf<{ put: Done<PersonOf, never, Link> }>;
    '/v1/threads/{id}/moderators/{handle}': PathOf<{ put: Done<PersonOf>; delete: Done<PersonOf> }>;
    '/v1/greetings': PathOf<{ get: Call<200, List<Greeting>, never, never, Pages>; post: Call<201, Greeting, never, { media: string; to_name: string; text?: string; expires_in?: number | null }> }>;
    '/v1/greetings/{greeting}': PathOf<{ get: Call<200, Greeting, { greeting: string }>; delete: Done<{ greeting: string }> }>;
    '/v1/profiles/{handle}': PathOf<{ get: Call<200, ProfileScreen, Handle, never, { fields?: string }> }>;
    '/v1/feeds/home': PathOf<{ get: Call<200, Feed, never, never, Pages> }>;
    '/v1/feeds/home/new': PathOf<{ get: Call<200, NewPosts, never, never, { since: string }> }>;
    '/v1/feeds/explore': PathOf<{ get: Call<200, List<Post>, never, never, Pages & { sort?: 'recent' | 'rising' }> }>;
    '/v1/feeds/tags/{tag}': PathOf<{ get: Call<200, List<Post>, { tag: string }, never, Pages> }>;
  }
}
