// Owns the album operations of the API, one function each.
import { api, expectOk, readBody } from './client';
import type { Page } from './media';
import type { Album, Visibility } from './types';

/** The server adds at most this many items in one request. */
const MAX_ADDED_ITEMS = 100;

export interface AlbumsPage {
  items: Album[];
  next?: string | null;
}

export interface AlbumDetails {
  title: string;
  description: string;
  visibility: Visibility;
}

export interface AlbumEdit extends Partial<AlbumDetails> {
  /** `null`: the first item. */
  cover?: string | null;
}

/** Directly before or after another item of the album. */
export type Destination = { before: string } | { after: string };

export const list = (limit: number, after?: string): Promise<AlbumsPage> =>
  readBody(api.GET('/v1/albums', { params: { query: { limit, ...(after ? { after } : {}) } } }));

export const create = (body: AlbumDetails): Promise<Album> => readBody(api.POST('/v1/albums', { body }));

export const get = (id: string): Promise<Album> => readBody(api.GET('/v1/albums/{id}', { params: { path: { id } } }));

export const edit = (id: string, body: AlbumEdit): Promise<Album> =>
  readBody(api.PATCH('/v1/albums/{id}', { params: { path: { id } }, body }));

export const remove = (id: string): Promise<void> => expectOk(api.DELETE('/v1/albums/{id}', { params: { path: { id } } }));

export const listItems = (id: string, limit: number, after?: string): Promise<Page> =>
  readBody(api.GET('/v1/albums/{id}/items', { params: { path: { id }, query: { limit, ...(after ? { after } : {}) } } }));

/** Adds items in as many requests as it takes. Those that the album has already stay where they are. */
export async function addItems(id: string, ids: readonly string[]): Promise<Album> {
  let album: Album | null = null;
  for (let at = 0; at < ids.length; at += MAX_ADDED_ITEMS) {
    const body = { ids: ids.slice(at, at + MAX_ADDED_ITEMS) };
    album = await readBody(api.POST('/v1/albums/{id}/items', { params: { path: { id } }, body }));
  }
  return album ?? get(id);
}

export const moveItem = (id: string, mediaId: string, to: Destination): Promise<void> =>
  expectOk(api.PATCH('/v1/albums/{id}/items/{media_id}', { params: { path: { id, media_id: mediaId } }, body: to }));

export const removeItem = (id: string, mediaId: string): Promise<void> =>
  expectOk(api.DELETE('/v1/albums/{id}/items/{media_id}', { params: { path: { id, media_id: mediaId } } }));
