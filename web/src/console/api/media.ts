// Owns the operations of members' media, one function each.
import { api, done, page, read } from './client';
import type { MemberMedia } from './types';

export interface MediaQuery {
  /** A handle or an id. */
  owner?: string;
  /** One that the server does not know is refused by it. */
  state?: string;
}

export const listMedia = (query: MediaQuery, after: string | null) => read(api.GET('/v1/admin/media', { params: { query: { ...(query as MediaQuery & { state?: MemberMedia['state'] }), ...page(after) } } }));

export const showMedia = (id: string) => read(api.GET('/v1/admin/media/{id}', { params: { path: { id } } }));

/** Says whether the picture of an item is sensitive; null leaves that to the classifier and the owner. */
export const markMedia = (id: string, sensitive: boolean | null, reason: string) => done(api.PUT('/v1/admin/media/{id}/sensitivity', { params: { path: { id } }, body: { sensitive, reason } }));

/** Converts an item again whose conversion failed. */
export const retryMedia = (id: string, reason: string) => done(api.POST('/v1/admin/media/{id}/retry', { params: { path: { id } }, body: { reason } }));
