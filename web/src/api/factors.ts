// Owns the operations of the member's second factors, one function each. Does not own what the browser does with
// passkeys: passkeys.ts does.
import { api, expectOk, readBody } from './client';
import type { Factor, FactorProof, Factors, FactorSetup } from './types';

export const listFactors = (): Promise<Factors> => readBody(api.GET('/v1/me/factors'));

/** Begins to add a factor. It is in use after `confirmFactor`. */
export const beginFactor = (kind: 'totp' | 'passkey', name?: string): Promise<FactorSetup> =>
  readBody(api.POST('/v1/me/factors', { body: { kind, ...(name ? { name } : {}) } }));

export const confirmFactor = (id: string, body: { code: string } | { credential: Record<string, never> }): Promise<Factor> =>
  readBody(api.POST('/v1/me/factors/{id}/confirm', { params: { path: { id } }, body }));

export const removeFactor = (id: string): Promise<void> => expectOk(api.DELETE('/v1/me/factors/{id}', { params: { path: { id } } }));

/** Makes ten new codes, in place of the old ones. */
export const newRecoveryCodes = async (): Promise<string[]> => (await readBody(api.POST('/v1/me/recovery-codes'))).codes;

/** Proves who the member is, for what is dangerous. */
export const prove = (proof: { password: string } | { factor: FactorProof }): Promise<void> => expectOk(api.POST('/v1/me/proof', { body: proof }));
