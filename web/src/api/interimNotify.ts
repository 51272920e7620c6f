// Owns the types of the operations of notify until docs/openapi.json has them. They are those of services/notify/src/api,
// field by field; nothing imports this file. It goes as interimSocial.ts says: once docs/openapi.json and docs/errors.md are
// generated with the role `notify`, `npm run gen:api` writes the types and `git rm` removes this file.
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
type Call<Response, Path = never, Body = never, Query = never> = {
  parameters: In<Path, Query>;
  responses: Record<200, { headers: Headers; content: { 'application/json': Response } }>;
} & Sent<Body>;

/** An operation without a body in its response. */
type Done<Path = never> = { parameters: In<Path, never>; requestBody?: never; responses: { 204: { headers: Headers; content?: never } } };

interface Pages {
  limit?: number;
  after?: string;
}

type NoticeKind =
  | 'followed'
  | 'follow_requested'
  | 'follow_accepted'
  | 'reacted'
  | 'commented'
  | 'answered'
  | 'mentioned'
  | 'comment_pending'
  | 'reposted'
  | 'posted'
  | 'part_added'
  | 'part_pending'
  | 'part_approved'
  | 'part_removed'
  | 'greeting_opened'
  | 'media_ready'
  | 'media_failed';

interface Notice {
  id: string;
  group: string;
  kind: NoticeKind;
  actors: Pick<components['schemas']['Account'], 'id' | 'handle' | 'display_name' | 'avatar' | 'is_private'>[];
  count: number;
  subject: string | null;
  text: string;
  url: string;
  created_at: string;
  seen: boolean;
  read: boolean;
}

interface NoticeCounts {
  unseen: number;
  unread: number;
}

interface NoticeList extends NoticeCounts {
  items: Notice[];
  next: string | null;
}

interface NewMark {
  until?: string | null;
  ids?: string[] | null;
}

interface QuietHours {
  from: string;
  until: string;
  zone: string;
}

interface EffectivePreference {
  from: 'everyone' | 'following' | 'nobody';
  push: boolean;
  mail: 'off' | 'now' | 'daily';
}

interface EffectivePreferences {
  language: 'en' | 'fr' | 'es' | 'ar' | null;
  quiet_hours: QuietHours | null;
  kinds: Record<string, EffectivePreference>;
}

interface Preferences {
  language?: EffectivePreferences['language'];
  quiet_hours?: QuietHours | null;
  kinds?: Record<string, Partial<EffectivePreference>>;
}

declare module './schema' {
  interface paths {
    '/v1/notifications': PathOf<{ get: Call<NoticeList, never, never, Pages & { kind?: NoticeKind; unread?: boolean; filtered?: boolean }> }>;
    '/v1/notifications/{id}': PathOf<{ delete: Done<{ id: string }> }>;
    '/v1/notifications/seen': PathOf<{ post: Call<NoticeCounts, never, NewMark> }>;
    '/v1/notifications/read': PathOf<{ post: Call<NoticeCounts, never, NewMark> }>;
    '/v1/notifications/preferences': PathOf<{ get: Call<EffectivePreferences>; put: Call<EffectivePreferences, never, Preferences> }>;
    '/v1/notifications/mutes': PathOf<{ get: Call<{ items: { subject: string }[]; next?: string | null }, never, never, Pages> }>;
    '/v1/notifications/mutes/{subject}': PathOf<{ put: Done<{ subject: string }>; delete: Done<{ subject: string }> }>;
  }
}
