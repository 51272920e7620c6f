// Owns the operations of the team's API keys, one function each.
import { api, done, page, read } from './client';
import type { NewTeamApiKey } from './types';

export const listApiKeys = (after: string | null) => read(api.GET('/v1/admin/api-keys', { params: { query: page(after) } }));

/** The response has the key. No other one has it. */
export const createApiKey = (key: NewTeamApiKey) => read(api.POST('/v1/admin/api-keys', { body: key }));

export const revokeApiKey = (id: string, reason: string) => done(api.DELETE('/v1/admin/api-keys/{id}', { params: { path: { id } }, body: { reason } }));
