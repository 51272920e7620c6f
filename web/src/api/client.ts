// Owns the one way to the server: every call carries the access token, is tried again once with a new one where
// the old was refused, and fails as a Problem. Does not own any endpoint: calls name paths typed by schema.d.ts.
import createClient from 'openapi-fetch';
import { session } from '../session/session.svelte';
import { problemFrom, unreachable } from './problem';
import type { paths } from './schema';

export const api = createClient<paths>({ baseUrl: '', fetch: authorizedFetch });

/** `fetch` with the member's token. */
export async function authorizedFetch(request: Request): Promise<Response> {
  const token = await session.tokens.token();
  // A body can be read once only, so the second try needs its own copy.
  const again = token === null ? null : request.clone();
  const response = await send(request, token);
  if (response.status !== 401 || again === null) return response;
  const renewed = await session.tokens.renew(token);
  return renewed === null ? response : send(again, renewed);
}

async function send(request: Request, token: string | null): Promise<Response> {
  if (token !== null) request.headers.set('Authorization', `Bearer ${token}`);
  try {
    return await fetch(request);
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw unreachable();
  }
}

interface ApiResponse<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** Waits for an answer and gives its body; throws a Problem for a refusal. */
export async function readBody<T>(call: Promise<ApiResponse<T>>): Promise<NonNullable<T>> {
  const { data, error, response } = await call;
  if (!response.ok) throw problemFrom(response.status, error);
  return data as NonNullable<T>;
}

/** Waits for an answer that has no body. */
export async function expectOk(call: Promise<ApiResponse<unknown>>): Promise<void> {
  const { error, response } = await call;
  if (!response.ok) throw problemFrom(response.status, error);
}
