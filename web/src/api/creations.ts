// Owns that a POST that creates something is done once, though its response may be lost: such a request has an
// `Idempotency-Key`, and is sent again with the same one. Does not own how a request is sent (client.ts), nor uploads
// (upload/tus.ts). Invariant: a key belongs to one path and one body; another body gets another key. A body, which may have
// a password, is kept no longer than its outcome is unknown, and a few minutes at most.
import { Problem } from './problem';

/** The operations that take an `Idempotency-Key` and that the page calls, as docs/openapi.json names them. */
export const CREATING_PATHS = [
  '/v1/accounts',
  '/v1/albums',
  '/v1/albums/{id}/items',
  '/v1/appeals',
  '/v1/conversations',
  '/v1/conversations/{id}/messages',
  '/v1/follow-requests/{handle}/accept',
  '/v1/follow-requests/{handle}/reject',
  '/v1/greetings',
  '/v1/me/api-keys',
  '/v1/media',
  '/v1/media/claims',
  '/v1/media/{id}/links',
  '/v1/posts',
  '/v1/posts/{id}/comments',
  '/v1/posts/{id}/repost',
  '/v1/reminders',
  '/v1/reports',
  '/v1/sessions',
  '/v1/threads',
  '/v1/threads/{id}/parts',
  '/v1/threads/{id}/parts/{part}/approve',
] as const;

/** The same of the operators' listener, as docs/operators-openapi.json names them: the console calls them all. */
export const OPERATORS_CREATING_PATHS = ['/v1/admin/announcements', '/v1/admin/api-keys', '/v1/admin/webhooks'] as const;

/** How long to wait before each further attempt. */
const DELAYS_MS = [500, 1_500, 3_000];

const PATTERNS = [...CREATING_PATHS, ...OPERATORS_CREATING_PATHS].map((path) => new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`));

export const isCreating = (method: string, path: string): boolean => method === 'POST' && PATTERNS.some((pattern) => pattern.test(path));

/** A random key. Browsers have `crypto.randomUUID` on secure pages only. */
export const newKey = (): string => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');

/** How long a request is known whose outcome is not. Its member has done something else by then. */
const UNSETTLED_MS = 5 * 60_000;

type Send = (request: Request) => Promise<Response>;

export class Creations {
  /** By path, the last request whose outcome is unknown. The same one gets the same key, also when the member sends it once more. */
  #unsettled = new Map<string, { body: string; key: string; timer: ReturnType<typeof setTimeout> }>();

  constructor(private readonly wait: (milliseconds: number) => Promise<unknown> = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds))) {}

  /** Sends a request; one that creates, again while its outcome is unknown, a few times. */
  async send(request: Request, send: Send): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (!isCreating(request.method, pathname)) return send(request);
    const body = await jsonOf(request);
    const unsettled = this.#unsettled.get(pathname);
    const key = unsettled && unsettled.body === body ? unsettled.key : newKey();
    if (body !== null) this.#keep(pathname, { body, key });
    request.headers.set('Idempotency-Key', key);
    const response = await this.#attempts(request, send);
    // Another one may have taken its place meanwhile.
    if (this.#unsettled.get(pathname)?.key === key && (await isSettled(response))) this.#forget(pathname);
    return response;
  }

  #keep(pathname: string, request: { body: string; key: string }): void {
    this.#forget(pathname);
    this.#unsettled.set(pathname, { ...request, timer: setTimeout(() => this.#unsettled.delete(pathname), UNSETTLED_MS) });
  }

  #forget(pathname: string): void {
    clearTimeout(this.#unsettled.get(pathname)?.timer);
    this.#unsettled.delete(pathname);
  }

  async #attempts(request: Request, send: Send): Promise<Response> {
    for (const delay of DELAYS_MS) {
      try {
        // A body can be read only once, so the next attempt needs its own copy.
        const response = await send(request.clone());
        if (!(await isRunning(response))) return response;
      } catch (error) {
        if (!(error instanceof Problem) || error.status !== 0 || globalThis.navigator?.onLine === false) throw error;
      }
      await this.wait(delay);
    }
    return send(request);
  }
}

/** The body of a request in JSON; `null` for all others, such as files. */
async function jsonOf(request: Request): Promise<string | null> {
  return request.headers.get('Content-Type')?.startsWith('application/json') ? request.clone().text() : null;
}

/** Whether the first request with this key is still running. */
async function isRunning(response: Response): Promise<boolean> {
  if (response.status !== 409) return false;
  const body = (await response.clone().json().catch(() => null)) as { code?: unknown } | null;
  return body?.code === 'request.in_progress';
}

/** Whether a response says that the request was done, or that it was not. One that came too often may have been done before. */
const isSettled = async (response: Response): Promise<boolean> => response.status < 500 && response.status !== 429 && !(await isRunning(response));

export const creations = new Creations();
