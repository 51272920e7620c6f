// Owns the media operations of the API, one function each.
import { api, authorizedFetch, expectOk, readBody, visitorApi } from './client';
import { problemFrom } from './problem';
import type { Download, Kind, Media, State, Storage, Visibility } from './types';

export interface Filter {
  kind?: Kind;
  state?: State;
  tag?: string;
  visibility?: Visibility;
  q?: string;
  /** By the time at which items were taken; without it, by the time at which they were added. */
  sort?: 'taken';
}

export interface Page {
  items: Media[];
  next?: string | null;
}

export const list = (filter: Filter, limit: number, after?: string): Promise<Page> =>
  readBody(api.GET('/v1/media', { params: { query: { ...filter, limit, ...(after ? { after } : {}) } } }));

export const get = (id: string): Promise<Media> => readBody(api.GET('/v1/media/{id}', { params: { path: { id } } }));

/** Reads an item as everyone sees it. */
export const getAsVisitor = (id: string): Promise<Media> => readBody(visitorApi.GET('/v1/media/{id}', { params: { path: { id } } }));

/** What a member shows to everyone, newest first. */
export const listPublic = (owner: string, limit: number, after?: string): Promise<Page> =>
  readBody(visitorApi.GET('/v1/media', { params: { query: { owner, limit, ...(after ? { after } : {}) } } }));

export interface Edit {
  name?: string;
  tags?: string[];
  visibility?: Visibility;
  /** Empty: removes it. */
  description?: string;
  /** Empty: removes it. */
  alt?: string;
  /** Whether it stays blurred for others until they open it. */
  sensitive?: boolean;
}

export const edit = (id: string, body: Edit): Promise<Media> =>
  readBody(api.PATCH('/v1/media/{id}', { params: { path: { id } }, body }));

export const listTrash = (limit: number, after?: string): Promise<Page> =>
  readBody(api.GET('/v1/media', { params: { query: { trash: true, limit, ...(after ? { after } : {}) } } }));

/** Moves an item to the trash. One that could not be converted, or is in no library, is removed for good. */
export const remove = (id: string): Promise<void> => expectOk(api.DELETE('/v1/media/{id}', { params: { path: { id } } }));

/** The largest number of items of one archive. */
export const MAX_DOWNLOAD_ITEMS = 300;

/** Makes the URL of an archive with the files of these items. */
export const createDownload = (ids: string[]): Promise<Download> => readBody(api.POST('/v1/media/downloads', { body: { ids } }));

/** How much the member stores, and may store. */
export const getStorage = (): Promise<Storage> => readBody(api.GET('/v1/storage'));

export const restore = (id: string): Promise<Media> => readBody(api.POST('/v1/media/{id}/restore', { params: { path: { id } } }));

/** Removes an item for good, from the trash too. */
export const purge = (id: string): Promise<void> =>
  expectOk(api.DELETE('/v1/media/{id}', { params: { path: { id }, query: { purge: true } } }));

/** Puts captions on an item, in place of those in the same language. The file is WebVTT or SubRip. */
export async function putCaptions(id: string, lang: string, label: string, file: File): Promise<Media> {
  const url = `/v1/media/${id}/captions/${encodeURIComponent(lang)}?${new URLSearchParams({ label })}`;
  const response = await authorizedFetch(new Request(url, { method: 'PUT', headers: { 'Content-Type': 'text/vtt' }, body: file }));
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) throw problemFrom(response.status, body);
  return body as Media;
}

export const removeCaptions = (id: string, lang: string): Promise<void> =>
  expectOk(api.DELETE('/v1/media/{id}/captions/{lang}', { params: { path: { id, lang } } }));

/** What members' avatars are claimed for. The library leaves them out. */
export const AVATAR_SUBJECT = 'account:avatar';

/** Uploads a small file in one request, as its raw bytes, unlisted; it is removed in a day unless it is claimed. */
export async function uploadUnclaimed(file: File): Promise<Media> {
  const query = new URLSearchParams({ name: file.name, visibility: 'unlisted', claim: 'later' });
  const response = await authorizedFetch(
    new Request(`/v1/media?${query}`, {
      method: 'POST',
      headers: { 'Content-Type': file.type || 'application/octet-stream' },
      body: file,
    }),
  );
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) throw problemFrom(response.status, body);
  return body as Media;
}

export const claim = (id: string, subject: string): Promise<void> => expectOk(api.POST('/v1/media/claims', { body: { ids: [id], subject } }));
