// Proves the promises of tokenManager.ts: one renewal at a time, none twice, and no sign-out for a server that is away.
import { beforeEach, describe, expect, it } from 'vitest';
import { Problem } from '../api/problem';
import type { SignedIn } from '../api/types';
import { TokenManager, type TokenManagerDeps } from './tokenManager';

// The browser's cookie, which the tokenManager never sees, and whether the page expects one.
let cookie: string | null;
let expected: boolean;
let sent: string[];
let outs: number;
let clock: number;
let answer: (token: string) => Promise<SignedIn>;
let lock: Promise<unknown>;

const signedIn = (n: number): SignedIn => ({ access_token: `access-${n}`, expires_in: 900, account: { id: 'a' } }) as SignedIn;

const parts = (): TokenManagerDeps => ({
  isExpected: () => expected,
  setExpected: (now) => (expected = now),
  askServer: async () => {
    const token = cookie ?? 'none';
    sent.push(token);
    const answered = await answer(token);
    cookie = answered.access_token.replace('access', 'refresh');
    return answered;
  },
  alone: (work) => {
    const mine = lock.then(work, work);
    lock = mine.catch(() => undefined);
    return mine;
  },
  now: () => clock,
  signedIn: () => undefined,
  signedOut: () => (outs += 1),
});

beforeEach(() => {
  cookie = 'refresh-0';
  expected = true;
  sent = [];
  outs = 0;
  clock = 1_000_000;
  lock = Promise.resolve();
  let n = 0;
  answer = async () => signedIn((n += 1));
});

describe('the token tokenManager', () => {
  it('sends a refresh token once however many ask', async () => {
    const tokenManager = new TokenManager(parts());
    const tokens = await Promise.all([tokenManager.token(), tokenManager.token(), tokenManager.renew(null), tokenManager.token()]);
    expect(tokens).toEqual(['access-1', 'access-1', 'access-1', 'access-1']);
    expect(sent).toEqual(['refresh-0']);
    expect([cookie, expected]).toEqual(['refresh-1', true]);
  });

  it('lets two tabs renew one after the other, each with the newest token', async () => {
    const [one, two] = [new TokenManager(parts()), new TokenManager(parts())];
    await Promise.all([one.token(), two.token()]);
    expect(sent).toEqual(['refresh-0', 'refresh-1']);
  });

  it('uses what another tab brought while it waited', async () => {
    const tokenManager = new TokenManager(parts());
    let open!: () => void;
    lock = new Promise<void>((resolve) => (open = resolve));
    const waiting = tokenManager.token();
    tokenManager.accept({ token: 'from-elsewhere', expiresAt: clock + 900_000 });
    open();
    expect(await waiting).toBe('from-elsewhere');
    expect(sent).toEqual([]);
  });

  it('renews shortly before the end, not after', async () => {
    const tokenManager = new TokenManager(parts());
    await tokenManager.token();
    clock += 860_000;
    expect(await tokenManager.token()).toBe('access-1');
    clock += 15_000;
    expect(await tokenManager.token()).toBe('access-2');
  });

  it('answers a refused access token with a new one, and only once for many refusals', async () => {
    const tokenManager = new TokenManager(parts());
    const old = await tokenManager.token();
    expect(await Promise.all([tokenManager.renew(old), tokenManager.renew(old)])).toEqual(['access-2', 'access-2']);
    expect(await tokenManager.renew(old)).toBe('access-2');
    expect(sent).toHaveLength(2);
  });

  it('signs out when the server says no', async () => {
    answer = () => Promise.reject(new Problem(401, 'auth.revoked', 'Sign in again.'));
    const tokenManager = new TokenManager(parts());
    expect(await tokenManager.token()).toBeNull();
    expect([expected, outs]).toEqual([false, 1]);
    expect(await tokenManager.token()).toBeNull();
    expect(sent).toHaveLength(1);
  });

  it('stays signed in while the server is away', async () => {
    answer = () => Promise.reject(new Problem(503, 'busy', 'Later.'));
    const tokenManager = new TokenManager(parts());
    await expect(tokenManager.token()).rejects.toThrow('Later.');
    expect([cookie, expected, outs]).toEqual(['refresh-0', true, 0]);
    answer = async () => signedIn(9);
    expect(await tokenManager.token()).toBe('access-9');
  });

  it('is a visitor where no session is expected, and asks nobody', async () => {
    expected = false;
    const tokenManager = new TokenManager(parts());
    expect(await tokenManager.token()).toBeNull();
    expect([sent, outs]).toEqual([[], 0]);
  });
});
