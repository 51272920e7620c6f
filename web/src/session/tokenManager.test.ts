// Proves tokenManager.ts: one renewal at a time, no token twice, and no sign-out while the server is unreachable.
import { beforeEach, describe, expect, it } from 'vitest';
import { Problem } from '../api/problem';
import type { SignedIn } from '../api/types';
import { TokenManager, type TokenManagerDeps } from './tokenManager';

// The browser's cookie, which the token manager never sees, and whether the page expects one.
let cookie: string | null;
let expected: boolean;
let sentTokens: string[];
let signOutCount: number;
let clock: number;
let respond: (token: string) => Promise<SignedIn>;
let lock: Promise<unknown>;

const signedIn = (n: number): SignedIn => ({ access_token: `access-${n}`, expires_in: 900, account: { id: 'a' } }) as SignedIn;

const deps = (): TokenManagerDeps => ({
  isExpected: () => expected,
  setExpected: (now) => (expected = now),
  refresh: async () => {
    const token = cookie ?? 'none';
    sentTokens.push(token);
    const response = await respond(token);
    cookie = response.access_token.replace('access', 'refresh');
    return response;
  },
  withLock: (work) => {
    const mine = lock.then(work, work);
    lock = mine.catch(() => undefined);
    return mine;
  },
  now: () => clock,
  onSignedIn: () => undefined,
  onSignedOut: () => (signOutCount += 1),
});

beforeEach(() => {
  cookie = 'refresh-0';
  expected = true;
  sentTokens = [];
  signOutCount = 0;
  clock = 1_000_000;
  lock = Promise.resolve();
  let n = 0;
  respond = async () => signedIn((n += 1));
});

describe('the token tokenManager', () => {
  it('sends a refresh token once for many callers', async () => {
    const tokens = new TokenManager(deps());
    const received = await Promise.all([tokens.token(), tokens.token(), tokens.renew(null), tokens.token()]);
    expect(received).toEqual(['access-1', 'access-1', 'access-1', 'access-1']);
    expect(sentTokens).toEqual(['refresh-0']);
    expect([cookie, expected]).toEqual(['refresh-1', true]);
  });

  it('lets two tabs renew one after the other, each with the newest token', async () => {
    const [one, two] = [new TokenManager(deps()), new TokenManager(deps())];
    await Promise.all([one.token(), two.token()]);
    expect(sentTokens).toEqual(['refresh-0', 'refresh-1']);
  });

  it('uses the token that another tab sent while it waited', async () => {
    const tokens = new TokenManager(deps());
    let open!: () => void;
    lock = new Promise<void>((resolve) => (open = resolve));
    const waiting = tokens.token();
    tokens.setAccess({ token: 'from-elsewhere', expiresAt: clock + 900_000 });
    open();
    expect(await waiting).toBe('from-elsewhere');
    expect(sentTokens).toEqual([]);
  });

  it('renews shortly before expiry, not after', async () => {
    const tokens = new TokenManager(deps());
    await tokens.token();
    clock += 860_000;
    expect(await tokens.token()).toBe('access-1');
    clock += 15_000;
    expect(await tokens.token()).toBe('access-2');
  });

  it('replaces a rejected access token, and only once for many rejections', async () => {
    const tokens = new TokenManager(deps());
    const old = await tokens.token();
    expect(await Promise.all([tokens.renew(old), tokens.renew(old)])).toEqual(['access-2', 'access-2']);
    expect(await tokens.renew(old)).toBe('access-2');
    expect(sentTokens).toHaveLength(2);
  });

  it('signs out when the server refuses', async () => {
    respond = () => Promise.reject(new Problem(401, 'auth.revoked', 'Sign in again.'));
    const tokens = new TokenManager(deps());
    expect(await tokens.token()).toBeNull();
    expect([expected, signOutCount]).toEqual([false, 1]);
    expect(await tokens.token()).toBeNull();
    expect(sentTokens).toHaveLength(1);
  });

  it('stays signed in while the server is unavailable', async () => {
    respond = () => Promise.reject(new Problem(503, 'busy', 'Later.'));
    const tokens = new TokenManager(deps());
    await expect(tokens.token()).rejects.toThrow('Later.');
    expect([cookie, expected, signOutCount]).toEqual(['refresh-0', true, 0]);
    respond = async () => signedIn(9);
    expect(await tokens.token()).toBe('access-9');
  });

  it('sends no request where no session is expected', async () => {
    expected = false;
    const tokens = new TokenManager(deps());
    expect(await tokens.token()).toBeNull();
    expect([sentTokens, signOutCount]).toEqual([[], 0]);
  });
});
