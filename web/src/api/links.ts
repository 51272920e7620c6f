// Owns the operations of the API for links that expire, one function each.
import { api, expectOk, readBody, visitorApi } from './client';
import type { ShareLink, SharedMedia } from './types';

const DAY_SECONDS = 86_400;

/** Makes a link. Only this response has its URL; where it was lost on the way, the link is replaced. */
export async function create(id: string, days: number): Promise<ShareLink> {
  const post = (): Promise<ShareLink> => readBody(api.POST('/v1/media/{id}/links', { params: { path: { id } }, body: { expires_in: days * DAY_SECONDS } }));
  const link = await post();
  if (link.url) return link;
  await revoke(id, link.id);
  return post();
}

export const list = async (id: string): Promise<ShareLink[]> => (await readBody(api.GET('/v1/media/{id}/links', { params: { path: { id } } }))).items;

export const revoke = (id: string, link: string): Promise<void> => expectOk(api.DELETE('/v1/media/{id}/links/{link}', { params: { path: { id, link } } }));

/** Reads the item that a link opens. Its URLs expire within an hour. */
export const open = (token: string): Promise<SharedMedia> => readBody(visitorApi.GET('/v1/shared/{token}', { params: { path: { token } } }));
