// Owns the calls about the member's own account and sessions, one function each.
import { COOKIE_SESSION_HEADER } from '../session/sessionApi';
import { session } from '../session/session.svelte';
import { api, expectOk, readBody } from './client';
import type { Account, SessionView } from './types';

/** What this browser is called in the list of sessions. */
function deviceName(): string {
  const agent = navigator.userAgent;
  const browser = /Edg\//.test(agent) ? 'Edge' : /Firefox\//.test(agent) ? 'Firefox' : /Chrom/.test(agent) ? 'Chrome' : /Safari\//.test(agent) ? 'Safari' : 'Browser';
  const system = /Android/.test(agent) ? 'Android' : /iPhone|iPad/.test(agent) ? 'iOS' : /Mac OS X/.test(agent) ? 'macOS' : /Windows/.test(agent) ? 'Windows' : /Linux/.test(agent) ? 'Linux' : 'this device';
  return `${browser} on ${system}`;
}

/** The refresh token comes in a cookie that only the browser can read. */
const params = { header: COOKIE_SESSION_HEADER };

export async function signUp(handle: string, email: string, password: string): Promise<void> {
  session.tokens.acceptSession(await readBody(api.POST('/v1/accounts', { params, body: { handle, email, password, device: deviceName() } })));
}

export async function signIn(login: string, password: string): Promise<void> {
  session.tokens.acceptSession(await readBody(api.POST('/v1/sessions', { params, body: { login, password, device: deviceName() } })));
}

/** Ends this session here even if the server can't be told: the person asked to be signed out. */
export const signOut = (): Promise<void> => session.signOut();

/** Ends every session of the member, this one too. */
export async function signOutEverywhere(): Promise<void> {
  await expectOk(api.DELETE('/v1/sessions', { params }));
  session.tokens.clear();
}

export const listSessions = async (): Promise<SessionView[]> => (await readBody(api.GET('/v1/sessions'))).items;

export const revokeSession = (id: string): Promise<void> => expectOk(api.DELETE('/v1/sessions/{id}', { params: { path: { id } } }));

export const getProfile = (handle: string): Promise<Account> =>
  readBody(api.GET('/v1/accounts/{handle}', { params: { path: { handle } } }));

export interface ProfileUpdate {
  /** `null` goes back to the handle. */
  display_name?: string | null;
  bio?: string;
  avatar?: string | null;
}

export async function updateProfile(body: ProfileUpdate): Promise<void> {
  session.account = await readBody(api.PATCH('/v1/me', { body }));
}

export const changePassword = (current: string, next: string): Promise<void> =>
  expectOk(api.POST('/v1/me/password', { body: { current, new: next } }));

export async function deleteAccount(password: string): Promise<void> {
  await expectOk(api.DELETE('/v1/me', { params, body: { password } }));
  session.tokens.clear();
}
