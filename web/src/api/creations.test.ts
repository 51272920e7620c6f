// Proves that what creates is sent with a key, again with the same one while its outcome is unknown, and that nothing else is.
import { afterEach, expect, it, vi } from 'vitest';
import { Creations, isCreating } from './creations';
import { Problem, unreachable } from './problem';

const post = (path: string, body: unknown): Request => new Request(`http://tutti.test${path}`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
const keyOf = (request: Request): string | null => request.headers.get('Idempotency-Key');
const problem = (status: number, code: string): Response => new Response(JSON.stringify({ code }), { status });

/** A server that responds in turn, and what it got. */
function server(...responses: (Response | Error)[]): { creations: Creations; got: Request[]; waits: number[]; send: (request: Request) => Promise<Response> } {
  const [got, waits]: [Request[], number[]] = [[], []];
  const send = async (request: Request): Promise<Response> => {
    got.push(request);
    const response = responses.shift() ?? new Response('{}', { status: 201 });
    if (response instanceof Error) throw response;
    return response;
  };
  return { creations: new Creations(async (milliseconds) => waits.push(milliseconds)), got, waits, send };
}

afterEach(() => void vi.unstubAllGlobals());

it('only what creates has a key', async () => {
  expect(isCreating('POST', '/v1/albums')).toBe(true);
  expect(isCreating('POST', '/v1/media/5kT0/links')).toBe(true);
  for (const [method, path] of [['PATCH', '/v1/albums'], ['POST', '/v1/albums/1'], ['POST', '/v1/me/password'], ['POST', '/v1/media/1/restore']] as const) expect(isCreating(method, path), path).toBe(false);
  const { creations, got, send } = server();
  await creations.send(post('/v1/me/password', {}), send);
  expect(got.map(keyOf)).toEqual([null]);
});

it('after a network failure the same request is sent again with its key', async () => {
  const { creations, got, waits, send } = server(unreachable(), problem(409, 'request.in_progress'));
  const response = await creations.send(post('/v1/albums', { title: 'Sea' }), send);
  expect(response.status).toBe(201);
  expect(new Set(got.map(keyOf)).size).toBe(1);
  expect(keyOf(got[0]!)).toMatch(/^[0-9a-f]{32}$/);
  expect(await Promise.all(got.map((request) => request.text()))).toEqual(Array(3).fill('{"title":"Sea"}'));
  expect(waits).toEqual([500, 1_500]);
});

it('a refusal is not sent again, and an offline browser does not wait', async () => {
  const refused = server(problem(409, 'request.done_before'));
  expect((await refused.creations.send(post('/v1/albums', {}), refused.send)).status).toBe(409);
  expect(refused.got).toHaveLength(1);
  vi.stubGlobal('navigator', { onLine: false });
  const offline = server(unreachable());
  await expect(offline.creations.send(post('/v1/albums', {}), offline.send)).rejects.toBeInstanceOf(Problem);
  expect([offline.got.length, offline.waits.length]).toEqual([1, 0]);
});

it('a member who sends the same once more repeats the request; another one is new, and so is one after a response', async () => {
  const { creations, got, send } = server(...Array.from({ length: 4 }, unreachable), problem(503, 'server.unavailable'));
  const share = (title: string): Promise<unknown> => creations.send(post('/v1/albums', { title }), send).catch(() => null);
  await share('Sea');
  await share('Sea');
  await share('Sea');
  await share('Sea');
  await share('Sky');
  const keys = got.map(keyOf);
  expect(new Set(keys.slice(0, 6)).size).toBe(1);
  expect(new Set(keys).size).toBe(3);
});

it('a key that the server has done with is not used again, and one whose outcome is unknown is', async () => {
  const { creations, got, send } = server(problem(409, 'request.done_before'), problem(429, 'request.too_many'), problem(201, ''), problem(201, ''));
  for (let times = 0; times < 4; times += 1) await creations.send(post('/v1/albums', { title: 'Sea' }), send);
  const [doneBefore, tooMany, afterThat, another] = got.map(keyOf);
  expect(tooMany).not.toBe(doneBefore);
  expect(afterThat).toBe(tooMany);
  expect(another).not.toBe(tooMany);
});

it('the end of a request does not forget a newer one, and a few minutes later each is forgotten', async () => {
  vi.useFakeTimers();
  const creations = new Creations(async () => undefined);
  let respond = (_: Response): void => undefined;
  const first = creations.send(post('/v1/albums', { title: 'Sea' }), () => new Promise((done) => (respond = done)));
  await vi.advanceTimersByTimeAsync(0);
  const got: (string | null)[] = [];
  const away = async (request: Request): Promise<Response> => {
    got.push(keyOf(request));
    throw unreachable();
  };
  const share = (): Promise<unknown> => creations.send(post('/v1/albums', { title: 'Sky' }), away).catch(() => null);
  await share();
  respond(problem(201, ''));
  await first;
  await share();
  expect(new Set(got).size).toBe(1);
  await vi.advanceTimersByTimeAsync(5 * 60_000);
  await share();
  expect(new Set(got).size).toBe(2);
  vi.useRealTimers();
});
