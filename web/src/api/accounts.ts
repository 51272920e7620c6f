// Owns the account and session operations of the API, one function each.
import m from '#messages/api';
import { language } from '../messages/language.svelte';
import { COOKIE_SESSION_HEADER } from '../session/sessionApi';
import { session } from '../session/session.svelte';
import { api, expectOk, readBody, visitorApi } from './client';
import { getPasskey } from './passkeys';
import { isProblem } from './problem';
import type { Account, FactorProof, ProfileKind, SessionView, SignInRecord } from './types';

/** The name of this browser in the list of sessions. */
export function deviceName(): string {
  const agent = navigator.userAgent;
  const browser = /Edg\//.test(agent) ? 'Edge' : /Firefox\//.test(agent) ? 'Firefox' : /Chrom/.test(agent) ? 'Chrome' : /Safari\//.test(agent) ? 'Safari' : m.unknownBrowser();
  const system = /Android/.test(agent) ? 'Android' : /iPhone|iPad/.test(agent) ? 'iOS' : /Mac OS X/.test(agent) ? 'macOS' : /Windows/.test(agent) ? 'Windows' : /Linux/.test(agent) ? 'Linux' : m.unknownSystem();
  return m.deviceName({ browser, system });
}

/** Requests the refresh token as a cookie that no script can read. */
const params = { header: COOKIE_SESSION_HEADER };

/** What the browser knows of where its reader lives. The server passes over what it does not know. */
const region = (): { locale: string; time_zone: string } => ({
  locale: language.accountTag,
  time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
});

export async function signUp(handle: string, email: string, password: string): Promise<void> {
  const body = { handle, email, password, device: deviceName(), ...region() };
  session.tokens.acceptSession(await withWork((work) => readBody(api.POST('/v1/accounts', { params, body: { ...body, ...work } }))));
}

/** How often a sign-up is sent with a proof of work: the server may want a harder one meanwhile. */
const MAX_PROOFS = 3;

/** Sends a sign-up, and again with a proof of work if the server asks for one. */
async function withWork<T>(send: (work: { altcha?: string }) => Promise<T>): Promise<T> {
  let work: { altcha?: string } = {};
  for (let proofs = 0; ; proofs++) {
    try {
      return await send(work);
    } catch (cause) {
      if (proofs === MAX_PROOFS || !isProblem(cause, 'accounts.work_required')) throw cause;
      const { challengeIn, solveInWorker } = await import('../account/proofOfWork');
      const challenge = challengeIn(cause.members);
      const altcha = challenge && (await solveInWorker(challenge));
      if (!altcha) throw cause;
      work = { altcha };
    }
  }
}

/** Signs in. Fails with `auth.second_factor` if the account needs a `factor` and there is none. */
export async function signIn(login: string, password: string, factor?: FactorProof): Promise<void> {
  session.tokens.acceptSession(await readBody(api.POST('/v1/sessions', { params, body: { login, password, device: deviceName(), ...(factor ? { factor } : {}) } })));
}

/** Signs in with a passkey alone. */
export async function signInWithPasskey(): Promise<void> {
  const { options } = await readBody(api.POST('/v1/sessions/passkey-challenges'));
  const factor: FactorProof = { kind: 'passkey', assertion: await getPasskey(options) };
  session.tokens.acceptSession(await readBody(api.POST('/v1/sessions', { params, body: { device: deviceName(), factor } })));
}

/** Ends this session in the browser, even if the server cannot be reached. */
export const signOut = (): Promise<void> => session.signOut();

/** Ends every session of the member, including this one. */
export async function signOutEverywhere(): Promise<void> {
  await expectOk(api.DELETE('/v1/sessions', { params }));
  session.tokens.clear();
}

export const listSessions = async (): Promise<SessionView[]> => (await readBody(api.GET('/v1/sessions'))).items;

export const revokeSession = (id: string): Promise<void> => expectOk(api.DELETE('/v1/sessions/{id}', { params: { path: { id } } }));

/** Returns a profile by its handle, or by the id of the account. */
export const getProfile = (handle: string): Promise<Account> =>
  readBody(api.GET('/v1/accounts/{handle}', { params: { path: { handle } } }));

export interface ProfileUpdate {
  /** `null` removes it: the handle is shown instead. */
  display_name?: string | null;
  bio?: string;
  avatar?: string | null;
  kind?: ProfileKind;
  /** `null` removes it. */
  place?: string | null;
  links?: string[];
  is_private?: boolean;
  locale?: string;
  time_zone?: string;
  /** `null` removes it. */
  country?: string | null;
}

export async function updateProfile(body: ProfileUpdate): Promise<void> {
  session.account = await readBody(api.PATCH('/v1/me', { body }));
}

export const changePassword = (current: string, next: string): Promise<void> =>
  expectOk(api.POST('/v1/me/password', { body: { current, new: next } }));

/** Asks for a mail with a link to a new password. Succeeds for a login that does not exist too. */
export const requestPasswordReset = (login: string): Promise<void> => expectOk(visitorApi.POST('/v1/passwords/forgotten', { body: { login } }));

/** Sets a new password with the code of a mail. A short code needs the login. */
export async function resetPassword(code: string, password: string, login?: string): Promise<void> {
  await expectOk(visitorApi.POST('/v1/passwords/reset', { body: login === undefined ? { code, password } : { login, code, password } }));
  // The account's sessions have ended, perhaps this browser's too.
  if (session.tokens.current !== null) await session.tokens.renew(session.tokens.current).catch(() => undefined);
}

/** Mails a code to a new e-mail, which counts once it is confirmed. */
export const changeEmail = (email: string, password: string): Promise<void> => expectOk(api.POST('/v1/me/email', { body: { email, password } }));

/** Mails another code that confirms the member's e-mail. */
export const sendConfirmation = (): Promise<void> => expectOk(api.POST('/v1/me/email/confirmation'));

/** Confirms an e-mail with the code of a mail. */
export async function confirmEmail(code: string): Promise<void> {
  session.account = await readBody(api.POST('/v1/me/email/confirm', { body: { code } }));
}

/** Returns a page of the member's sign-ins, newest first. */
export const listSignIns = (after?: string): Promise<{ items: SignInRecord[]; next?: string | null }> =>
  readBody(api.GET('/v1/me/sign-ins', { params: { query: after === undefined ? { limit: 10 } : { limit: 10, after } } }));

export async function deleteAccount(password: string): Promise<void> {
  await expectOk(api.DELETE('/v1/me', { params, body: { password } }));
  session.tokens.clear();
}
