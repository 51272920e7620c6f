// Owns the media operations of the API, one function each.
import { api, authorizedFetch, expectOk, readBody } from './client';
import { problemFrom } from './problem';
import type { Kind, Media, State, Visibility } from './types';

export interface Filter {
  kind?: Kind;
  state?: State;
  tag?: string;
  visibility?: Visibility;
  q?: string;
}

export interface Page {
  items: Media[];
  next?: string | null;
}

export const list = (filter: Filter, limit: number, after?: string): Promise<Page> =>
  readBody(api.GET('/v1/media', { params: { query: { ...filter, limit, ...(after ? { after } : {}) } } }));

export const get = (id: string): Promise<Media> => readBody(api.GET('/v1/media/{id}', { params: { path: { id } } }));

export interface Edit {
  name?: string;
  tags?: string[];
  visibility?: Visibility;
}

export const edit = (id: string, body: Edit): Promise<Media> =>
  readBody(api.PATCH('/v1/media/{id}', { params: { path: { id } }, body }));

export const remove = (id: string): Promise<void> => expectOk(api.DELETE('/v1/media/{id}', { params: { path: { id } } }));

/** Uploads a small file in one request, as its raw bytes. The upload queue is for larger ones. */
export async function uploadSmallFile(file: File, visibility: Visibility, tags: string[]): Promise<Media> {
  const query = new URLSearchParams({ name: file.name, visibility, tags: tags.join(',') });
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
