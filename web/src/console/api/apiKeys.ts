// Owns the operations of the team's API keys, one function each.
import { api, done, read } from './client';
import type { NewTeamApiKey } from './types';

/** All of them: their number is limited. */
export const listApiKeys = () => read(api.GET('/v1/admin/api-keys'));

/** The response has the key. No other one has it. */
export const createApiKey = (key: NewTeamApiKey) => read(api.POST('/v1/admin/api-keys', { body: key }));

export const revokeApiKey = (id: string, reason: string) => done(api.DELETE('/v1/admin/api-keys/{id}', { params: { path: { id } }, body: { reason } }));
