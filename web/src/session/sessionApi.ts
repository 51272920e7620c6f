// Owns the two requests that use the session's cookie, its exchange and its end, and the one that finds out whether the
// server is there. Does not own when they are sent. Invariant: a request that uses the cookie has the header
// `Tutti-Session`, without which the server ignores the cookie; no other site can send it.
import { problemFrom, unreachable } from '../api/problem';
import type { SignedIn } from '../api/types';
import { legacyRefreshToken } from './sessionHint';

/** Requests the session as a cookie instead of a refresh token in the body. */
export const COOKIE_SESSION_HEADER = { 'Tutti-Session': 'cookie' } as const;

export async function refreshSession(): Promise<SignedIn> {
  const legacy = legacyRefreshToken.read();
  const response = await send('/v1/sessions/refresh', {
    method: 'POST',
    headers: legacy === null ? COOKIE_SESSION_HEADER : { ...COOKIE_SESSION_HEADER, 'Content-Type': 'application/json' },
    body: legacy === null ? null : JSON.stringify({ refresh_token: legacy }),
  });
  const body: unknown = await response.json().catch(() => null);
  // After a 5xx the server has not used it.
  if (response.ok || response.status < 500) legacyRefreshToken.remove();
  if (!response.ok) throw problemFrom(response.status, body);
  return body as SignedIn;
}

/** Ends the session of the cookie, and that of the access token if it is another one. */
export async function deleteSession(token: string | null): Promise<void> {
  const headers = token === null ? COOKIE_SESSION_HEADER : { ...COOKIE_SESSION_HEADER, Authorization: `Bearer ${token}` };
  const response = await send('/v1/sessions/current', { method: 'DELETE', headers });
  if (!response.ok) throw problemFrom(response.status, await response.json().catch(() => null));
}

/** Throws a Problem while the server is away. */
export async function expectServer(): Promise<void> {
  const response = await send(location.pathname, { method: 'HEAD', cache: 'no-store' });
  if (response.status >= 502) throw problemFrom(response.status, null);
}

async function send(path: string, init: RequestInit): Promise<Response> {
  try {
    // The new cookie must arrive even if the tab closes: the old one is used up.
    return await fetch(path, { ...init, credentials: 'same-origin', keepalive: true });
  } catch {
    throw unreachable();
  }
}
