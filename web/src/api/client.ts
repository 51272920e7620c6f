// Owns how API calls are sent: each carries the access token, is retried once with a new token if the server rejects
// the old one, and fails with a Problem. Does not own the operations, whose paths are typed by schema.d.ts, nor that what
// creates is done once (creations.ts).
import createClient from 'openapi-fetch';
import { session } from '../session/session.svelte';
import { creations } from './creations';
import { noteEpoch } from './epoch';
import { problemFrom, unreachable } from './problem';
import type { paths } from './schema';

export const api = createClient<paths>({ baseUrl: '', fetch: (request) => authorizedFetch(request) });

/** The same operations for a visitor: without the member's token, even if there is one. */
export const visitorApi = createClient<paths>({ baseUrl: '', fetch: (request) => send(request, null) });

/** The same operations with a token of another kind than the session's: it is sent as it is, and not renewed. */
export const clientWith = (token: () => string | null) => createClient<paths>({ baseUrl: '', fetch: (request) => creations.send(request, (one) => send(one, token())) });

/** `fetch` with the member's token. */
export const authorizedFetch = (request: Request): Promise<Response> => creations.send(request, sendWithToken);

async function sendWithToken(request: Request): Promise<Response> {
  const token = await session.tokens.token();
  // A body can be read only once, so the retry needs its own copy.
  const retry = token === null ? null : request.clone();
  const response = await send(request, token);
  if (response.status !== 401 || retry === null) return response;
  const renewed = await session.tokens.renew(token);
  return renewed === null ? response : send(retry, renewed);
}

async function send(request: Request, token: string | null): Promise<Response> {
  if (token !== null) request.headers.set('Authorization', `Bearer ${token}`);
  try {
    const response = await fetch(request);
    noteEpoch(response);
    return response;
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

/** Returns the body of a response; throws a Problem if the status is not 2xx. */
export async function readBody<T>(call: Promise<ApiResponse<T>>): Promise<NonNullable<T>> {
  const { data, error, response } = await call;
  if (!response.ok) throw problemFrom(response.status, error);
  return data as NonNullable<T>;
}

/** Waits for a response without a body; throws a Problem if the status is not 2xx. */
export async function expectOk(call: Promise<ApiResponse<unknown>>): Promise<void> {
  const { error, response } = await call;
  if (!response.ok) throw problemFrom(response.status, error);
}
