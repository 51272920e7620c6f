// Owns the operations of the API for a member's API keys, one function each.
import { api, expectOk, readBody } from './client';
import type { ApiKey } from './types';

export interface NewApiKey {
  name: string;
  scopes: string[];
  /** Without it the key is valid until it is revoked. */
  expires_at?: string;
}

/** All keys, newest first, without their secrets. */
export const list = async (): Promise<ApiKey[]> => (await readBody(api.GET('/v1/me/api-keys'))).items;

/** Makes a key. Only this response has its secret. Needs a recent proof. */
export const create = (body: NewApiKey): Promise<ApiKey> => readBody(api.POST('/v1/me/api-keys', { body }));

export const revoke = (id: string): Promise<void> => expectOk(api.DELETE('/v1/me/api-keys/{id}', { params: { path: { id } } }));
