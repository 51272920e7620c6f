// Proves that a sign-in for an appeal ends with its time, and when the server wants another one, and not otherwise.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Problem } from '../api/problem';
import { AppealSession } from './appealSession.svelte';

const begun = (token: string, session = new AppealSession()): AppealSession => {
  session.begin({ access_token: token, expires_in: 900, account: { handle: 'eve' } });
  return session;
};
const refusedWith = (problem: Problem, session: AppealSession): Promise<unknown> => session.watch(Promise.reject(problem)).catch(() => null);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('a token is forgotten when its time is over, and another sign-in has its own time', () => {
  const session = begun('one');
  expect([session.token, session.handle]).toEqual(['one', 'eve']);
  vi.advanceTimersByTime(600_000);
  begun('two', session);
  vi.advanceTimersByTime(899_999);
  expect(session.token).toBe('two');
  vi.advanceTimersByTime(1);
  expect([session.token, session.handle]).toEqual([null, '']);
});

it('a server that wants another sign-in ends it, and any other refusal does not', async () => {
  const session = begun('one');
  await expect(session.watch(Promise.resolve(7))).resolves.toBe(7);
  for (const problem of [new Problem(409, 'moderation.appealed_already', 'Wait.'), new Problem(503, 'server.unavailable', 'Busy.'), new Problem(0, 'net.unreachable', 'Away.')]) {
    await refusedWith(problem, session);
    expect(session.token, problem.code).toBe('one');
  }
  for (const problem of [new Problem(401, 'auth.expired', 'Again.'), new Problem(403, 'auth.proof_required', 'Prove it.')]) {
    await refusedWith(problem, begun('one', session));
    expect(session.token, problem.code).toBeNull();
  }
});

it('what an older sign-in asked for does not end a newer one', async () => {
  const session = begun('one');
  let refuse = (_: Problem): void => undefined;
  const call = session.watch(new Promise((_, failed) => (refuse = failed))).catch(() => null);
  begun('two', session);
  refuse(new Problem(401, 'auth.expired', 'Again.'));
  await call;
  expect(session.token).toBe('two');
});
