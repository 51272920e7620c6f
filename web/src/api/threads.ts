// Owns the thread operations of the API, one function each.
import { api, expectOk, readBody } from './client';
import type { PeoplePage } from './people';
import type { Audience, Thread, ThreadPart, ThreadRule } from './types';

export interface PartsPage {
  items: ThreadPart[];
  next?: string | null;
}

export interface NewThread {
  title: string;
  /** The id of a video of the member's own library. */
  media: string;
  alt: string;
  rule: ThreadRule;
  cap: number;
  audience: Audience;
}

export type ThreadChange = Partial<Pick<NewThread, 'title' | 'rule' | 'cap'>>;

export interface NewPart {
  media: string;
  text: string;
  alt: string;
}

export const MAX_TITLE = 200;
export const MAX_CAP = 200;
export const MAX_REASON = 500;

const of = (id: string) => ({ path: { id } });
const withLink = (id: string, link: string | null) => ({ ...of(id), ...(link === null ? {} : { query: { link } }) });
const ofPart = (id: string, part: string, link: string | null) => ({ path: { id, part }, ...(link === null ? {} : { query: { link } }) });
const ofPerson = (id: string, handle: string) => ({ path: { id, handle } });

export const open = (body: NewThread): Promise<Thread> => readBody(api.POST('/v1/threads', { body }));

/** `link` is the token of a thread that only those with its link may see. */
export const get = (id: string, link: string | null): Promise<Thread> => readBody(api.GET('/v1/threads/{id}', { params: withLink(id, link) }));

export const change = (id: string, body: ThreadChange): Promise<Thread> => readBody(api.PATCH('/v1/threads/{id}', { params: of(id), body }));

export const remove = (id: string): Promise<void> => expectOk(api.DELETE('/v1/threads/{id}', { params: of(id) }));

/** The parts that have appeared, in order; or those that have not: the reader's own, and what a moderator approves. */
export const listParts = (id: string, state: 'joined' | 'waiting', link: string | null, limit: number, after?: string): Promise<PartsPage> =>
  readBody(api.GET('/v1/threads/{id}/parts', { params: { path: { id }, query: { state, limit, ...(link === null ? {} : { link }), ...(after ? { after } : {}) } } }));

export const join = (id: string, body: NewPart, link: string | null): Promise<ThreadPart> => readBody(api.POST('/v1/threads/{id}/parts', { params: withLink(id, link), body }));

/** Withdraws, removes or unlinks a part, as its `can` says. Only its author needs no reason. */
export const removePart = (id: string, part: string, reason: string, link: string | null): Promise<void> =>
  expectOk(api.DELETE('/v1/threads/{id}/parts/{part}', { params: ofPart(id, part, link), ...(reason === '' ? {} : { body: { reason } }) }));

export const approvePart = (id: string, part: string, link: string | null): Promise<void> =>
  expectOk(api.POST('/v1/threads/{id}/parts/{part}/approve', { params: ofPart(id, part, link) }));

export const invite = (id: string, handle: string, link: string | null): Promise<void> =>
  expectOk(api.PUT('/v1/threads/{id}/invitations/{handle}', { params: { ...ofPerson(id, handle), ...(link === null ? {} : { query: { link } }) } }));

/** Takes an invitation back. */
export const uninvite = (id: string, handle: string, link: string | null): Promise<void> =>
  expectOk(api.DELETE('/v1/threads/{id}/invitations/{handle}', { params: { ...ofPerson(id, handle), ...(link === null ? {} : { query: { link } }) } }));

/** Those who are invited, for the opener and the moderators. */
export const listInvited = (id: string, link: string | null, limit: number, after?: string): Promise<PeoplePage> =>
  readBody(api.GET('/v1/threads/{id}/invitations', { params: { ...of(id), query: { limit, ...(link === null ? {} : { link }), ...(after ? { after } : {}) } } }));

/** Makes a member a moderator, or ends that; only the opener does. */
export const addModerator = (id: string, handle: string): Promise<void> => expectOk(api.PUT('/v1/threads/{id}/moderators/{handle}', { params: ofPerson(id, handle) }));
export const removeModerator = (id: string, handle: string): Promise<void> => expectOk(api.DELETE('/v1/threads/{id}/moderators/{handle}', { params: ofPerson(id, handle) }));
