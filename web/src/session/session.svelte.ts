// Owns who is signed in, in this tab and the others. The refresh token lies in a cookie that no script can read, the
// access token only in memory; other tabs hear of a new one. Does not own when tokens are renewed: tokenManager.ts does.
import type { Account } from '../api/types';
import { sessionHint } from './sessionHint';
import { TokenManager, type Access } from './tokenManager';
import { deleteSession, refreshSession } from './sessionApi';

const LOCK = 'tutti.refresh';

type SessionMessage = { kind: 'signed-in'; access: Access; account: Account } | { kind: 'signed-out' };

const channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel('tutti.session') : null;
const broadcast = (message: SessionMessage): void => channel?.postMessage(message);

class Session {
  account = $state<Account | null>(null);
  /** `starting` until the first renewal is over, so that no page flashes a sign-in form. */
  starting = $state(true);
  /** Set where the first renewal failed because nobody answered. */
  error = $state<unknown>(null);

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

  /** Finds out, once per load, whether somebody is signed in. */
  async start(): Promise<void> {
    this.error = null;
    this.starting = true;
    try {
      if (sessionHint.isSigningOut()) await withLock(() => this.#deleteSession(null)).catch(() => undefined);
      await this.tokens.token();
    } catch (error) {
      this.error = error;
    } finally {
      this.starting = false;
    }
  }

  /** Signs out here, even if the server can't be told now: then it is told at the next load. */
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
    // Another tab may have done it while this one waited for the lock.
    if (!sessionHint.isSigningOut() && token === null) return;
    await deleteSession(token);
    sessionHint.clear();
  }

  #receive(message: SessionMessage): void {
    if (message.kind === 'signed-in') {
      this.tokens.setAccess(message.access);
      this.account = message.account;
    } else {
      // The other tab has ended the session already; only this tab's memory is left.
      location.assign('/sign-in');
    }
  }
}

/** Runs the work while no other tab runs its own. */
async function withLock<T>(work: () => Promise<T>): Promise<T> {
  // Only secure contexts have locks; elsewhere the one promise per tab must do.
  return 'locks' in navigator ? await navigator.locks.request(LOCK, work) : await work();
}

export const session = new Session();
