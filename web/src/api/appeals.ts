// Owns the operations of a member who is suspended or banned, one function each: they are sent with the token of a sign-in for an
// appeal. Does not own that token: appeals/appealSession.svelte.ts does.
import { appealSession } from '../appeals/appealSession.svelte';
import { startDownload } from '../media/startDownload';
import { session } from '../session/session.svelte';
import { deviceName } from './accounts';
import { clientWith, expectOk, readBody } from './client';
import type { ExportCalls } from './exports';
import type { DecisionsPage } from './moderation';
import { getPasskey } from './passkeys';
import type { FactorProof } from './types';

const api = clientWith(() => appealSession.token);

// A member who signs in afterwards sees nothing of it.
session.onChange((memberId) => {
  if (memberId !== null) appealSession.end();
});

/** Signs in for an appeal. Fails with `auth.second_factor` if the account needs a `factor` and there is none. */
export const signInForAppeal = (login: string, password: string, factor?: FactorProof): Promise<void> => begin({ login, password, ...(factor ? { factor } : {}) });

/** Signs in for an appeal with a passkey alone. */
export async function signInForAppealWithPasskey(): Promise<void> {
  const { options } = await readBody(api.POST('/v1/sessions/passkey-challenges'));
  await begin({ factor: { kind: 'passkey', assertion: await getPasskey(options) } });
}

async function begin(proof: { login?: string; password?: string; factor?: FactorProof }): Promise<void> {
  appealSession.end();
  // The refresh token is in the body, because no cookie is asked for, and nothing keeps it.
  appealSession.begin(await readBody(api.POST('/v1/sessions', { body: { ...proof, device: deviceName(), for_appeals: true } })));
}

/** Ends the sign-in, in the browser even if the server cannot be reached. */
export async function signOut(): Promise<void> {
  try {
    await expectOk(api.DELETE('/v1/sessions/current'));
  } finally {
    appealSession.end();
  }
}

/** What was decided about the member, the newest first. */
export const listDecisions = (limit: number, after?: string): Promise<DecisionsPage> =>
  appealSession.watch(readBody(api.GET('/v1/me/decisions', { params: { query: { limit, ...(after === undefined ? {} : { after }) } } })));

/** Appeals a decision, which is possible once. */
export const appeal = (verdict: string, text: string): Promise<void> => appealSession.watch(expectOk(api.POST('/v1/appeals', { body: { verdict, text } })));

/** How long a browser may take to begin saving what is in memory. */
const SAVING_MS = 60_000;

/** The archives with the member's data. No URL of them is signed: they are fetched with the token, and browsers keep large ones on disk. */
export const archives: ExportCalls = {
  start: () => appealSession.watch(readBody(api.POST('/v1/me/export'))),
  list: async () => (await appealSession.watch(readBody(api.GET('/v1/me/exports')))).items,
  download: async (id) => {
    const archive: Blob = await appealSession.watch(readBody(api.GET('/v1/me/exports/{id}/archive', { params: { path: { id } }, parseAs: 'blob' })));
    const url = URL.createObjectURL(archive);
    startDownload(url, 'tutti-export.zip');
    setTimeout(() => URL.revokeObjectURL(url), SAVING_MS);
    return true;
  },
};
