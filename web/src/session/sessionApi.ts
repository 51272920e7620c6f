// Owns the two calls that carry the session's cookie: its exchange and its end. Does not own when they are made.
// Invariant: each carries `Tutti-Session`, without which the server ignores the cookie; a page elsewhere can't send it.
import { problemFrom, unreachable } from '../api/problem';
import type { SignedIn } from '../api/types';
import { legacyRefreshToken } from './sessionHint';

/** Asks for the cookie form of a session instead of a refresh token in the body. */
export const COOKIE_SESSION_HEADER = { 'Tutti-Session': 'cookie' } as const;

export async function refreshSession(): Promise<SignedIn> {
  const old = legacyRefreshToken.read();
  const response = await send('/v1/sessions/refresh', {
    method: 'POST',
    headers: old === null ? COOKIE_SESSION_HEADER : { ...COOKIE_SESSION_HEADER, 'Content-Type': 'application/json' },
    body: old === null ? null : JSON.stringify({ refresh_token: old }),
  });
  const body: unknown = await response.json().catch(() => null);
  // A server that is away or busy has not used it.
  if (response.ok || response.status < 500) legacyRefreshToken.remove();
  if (!response.ok) throw problemFrom(response.status, body);
  return body as SignedIn;
}

/** Ends the cookie's session, and that of the access token, if it is another. */
export async function deleteSession(token: string | null): Promise<void> {
  const headers = token === null ? COOKIE_SESSION_HEADER : { ...COOKIE_SESSION_HEADER, Authorization: `Bearer ${token}` };
  const response = await send('/v1/sessions/current', { method: 'DELETE', headers });
  if (!response.ok) throw problemFrom(response.status, await response.json().catch(() => null));
}

async function send(path: string, init: RequestInit): Promise<Response> {
  try {
    // The new cookie must arrive even if the tab is closed meanwhile: the old one is used up.
    return await fetch(path, { ...init, credentials: 'same-origin', keepalive: true });
  } catch {
    throw unreachable();
  }
}
