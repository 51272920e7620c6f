// Owns the operations of the list of known pictures, one function each.
import { authorizedFetch } from '../../api/client';
import { problemFrom } from '../../api/problem';
import { refusal } from '../refusal.svelte';
import { api, done, page, read } from './client';

export const listPictures = (after: string | null) => read(api.GET('/v1/admin/listed-pictures', { params: { query: page(after) } }));

/** What an import has done. */
export interface ImportedPictures {
  added: number;
  /** How many were on the list already, or twice in the file. */
  known: number;
}

/** Adds the hashes of a text file. One with a line that is no hash is refused as a whole; the problem names the line. */
export const importPictures = (file: Blob, reason: string, note: string): Promise<ImportedPictures> => refusal.watch(send(file, reason, note));

async function send(file: Blob, reason: string, note: string): Promise<ImportedPictures> {
  const query = new URLSearchParams({ reason, ...(note === '' ? {} : { note }) });
  const response = await authorizedFetch(new Request(`/v1/admin/listed-pictures?${query}`, { method: 'POST', headers: { 'Content-Type': 'text/plain' }, body: file }));
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) throw problemFrom(response.status, body);
  return body as ImportedPictures;
}

export const removePicture = (id: string, reason: string) => done(api.DELETE('/v1/admin/listed-pictures/{id}', { params: { path: { id } }, body: { reason } }));
