// Owns who is signed in, in this tab and the others. The refresh token is a cookie that no script can read, the access
// token is in memory only; other tabs receive a new one. Does not own when tokens are renewed: tokenManager.ts does.
// Invariant: stores that hold a member's data subscribe with `onChange`; the session knows none of them.
import { isAway, Retrier } from '../api/retrier';
import type { Account } from '../api/types';
import { isKeptDocument } from '../shell/register';
import { sessionHint } from './sessionHint';
import { TokenManager, type Access } from './tokenManager';
import { deleteSession, expectServer, refreshSession } from './sessionApi';

const LOCK = 'tutti.refresh';

type SessionMessage = { kind: 'signed-in'; access: Access; account: Account } | { kind: 'signed-out' };

const channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel('tutti.session') : null;
const broadcast = (message: SessionMessage): void => channel?.postMessage(message);

class Session {
  #account = $state<Account | null>(null);
  #listeners = new Set<(memberId: string | null) => void>();
  /** Until the first renewal has ended, so that no page flashes a sign-in form. */
  starting = $state(true);
  /** Set if the first renewal failed because the server could not be reached; it is then tried again by itself. */
  error = $state<unknown>(null);
  #retrier = new Retrier(() => void this.#renewFirst());

  readonly tokens = new TokenManager({
    isExpected: () => sessionHint.isSignedIn(),
    setExpected: (expected) => (expected ? sessionHint.signedIn() : sessionHint.signedOut()),
    refresh: refreshSession,
    withLock,
    now: () => Date.now(),
    onSignedIn: (access, response) => {
      this.account = response.account;
      broadcast({ kind: 'signed-in', access, account: $state.snapshot(response.account) });
    },
    onSignedOut: () => {
      this.account = null;
      broadcast({ kind: 'signed-out' });
    },
  });

  constructor() {
    channel?.addEventListener('message', (event: MessageEvent<SessionMessage>) => this.#receive(event.data));
  }

  get account(): Account | null {
    return this.#account;
  }
  set account(account: Account | null) {
    const isOtherMember = account?.id !== this.#account?.id;
    this.#account = account;
    if (isOtherMember) for (const listener of this.#listeners) listener(account?.id ?? null);
  }

  /** Calls the listener with the member's id whenever another member, or none, is signed in; at once if that is known already. */
  onChange(listener: (memberId: string | null) => void): void {
    this.#listeners.add(listener);
    if (!this.starting) listener(this.#account?.id ?? null);
  }

  /** Finds out, once per load, whether a member is signed in. */
  async start(): Promise<void> {
    this.error = null;
    this.starting = true;
    await this.#renewFirst();
  }

  async #renewFirst(): Promise<void> {
    try {
      // A visitor's page sends no request that would fail.
      if (isKeptDocument() && !sessionHint.isSignedIn()) await expectServer();
      if (sessionHint.isSigningOut()) await withLock(() => this.#deleteSession(null)).catch(() => undefined);
      await this.tokens.token();
      this.error = null;
      this.#retrier.stop();
    } catch (error) {
      this.error = error;
      if (isAway(error)) this.#retrier.failed();
    } finally {
      this.starting = false;
    }
  }

  /** Signs out in the browser, even if the server cannot be reached: then the server is informed at the next load. */
  async signOut(): Promise<void> {
    const token = this.tokens.current;
    sessionHint.signingOut();
    try {
      await withLock(() => this.#deleteSession(token));
    } finally {
      this.tokens.clear();
    }
  }

  isMine(owner: string): boolean {
    return this.account !== null && (owner === this.account.id || owner === this.account.handle);
  }

  async #deleteSession(token: string | null): Promise<void> {
    // Another tab may have deleted it while this one waited for the lock.
    if (!sessionHint.isSigningOut() && token === null) return;
    await deleteSession(token);
    sessionHint.clear();
  }

  #receive(message: SessionMessage): void {
    if (message.kind === 'signed-in') {
      this.tokens.setAccess(message.access);
      this.account = message.account;
    } else {
      // The other tab has ended the session already; a reload clears this tab's memory.
      location.assign('/sign-in');
    }
  }
}

/** Runs the work while no other tab holds the lock. */
async function withLock<T>(work: () => Promise<T>): Promise<T> {
  // Only secure contexts have locks; elsewhere only the calls within a tab are serialised.
  return 'locks' in navigator ? await navigator.locks.request(LOCK, work) : await work();
}

export const session = new Session();
