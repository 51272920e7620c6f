// Owns who is signed in, in this tab and the others. The refresh token lies in a cookie that no script can read, the
// access token only in memory; other tabs hear of a new one. Does not own when tokens are renewed: tokenManager.ts does.
import type { Account } from '../api/types';
import { sessionHint } from './sessionHint';
import { TokenManager, type Access } from './tokenManager';
import { endOnServer, refreshOnServer } from './sessionApi';

const LOCK = 'tutti.refresh';

type Word = { kind: 'signed-in'; access: Access; account: Account } | { kind: 'signed-out' };

const channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel('tutti.session') : null;
const tell = (word: Word): void => channel?.postMessage(word);

class Session {
  account = $state<Account | null>(null);
  /** `starting` until the first renewal is over, so that no page flashes a sign-in form. */
  starting = $state(true);
  /** Set where the first renewal failed because nobody answered. */
  trouble = $state<unknown>(null);

  readonly tokenManager = new TokenManager({
    isExpected: () => sessionHint.isSignedIn(),
    setExpected: (expected) => (expected ? sessionHint.signedIn() : sessionHint.signedOut()),
    askServer: refreshOnServer,
    alone,
    now: () => Date.now(),
    signedIn: (access, answer) => {
      this.account = answer.account;
      tell({ kind: 'signed-in', access, account: $state.snapshot(answer.account) });
    },
    signedOut: () => {
      this.account = null;
      tell({ kind: 'signed-out' });
    },
  });

  constructor() {
    channel?.addEventListener('message', (event: MessageEvent<Word>) => this.#hear(event.data));
  }

  /** Finds out, once per load, whether somebody is signed in. */
  async start(): Promise<void> {
    this.trouble = null;
    this.starting = true;
    try {
      if (sessionHint.isLeaving()) await alone(() => this.#endOnServer(null)).catch(() => undefined);
      await this.tokenManager.token();
    } catch (error) {
      this.trouble = error;
    } finally {
      this.starting = false;
    }
  }

  /** Signs out here, even if the server can't be told now: then it is told at the next load. */
  async leave(): Promise<void> {
    const token = this.tokenManager.held;
    sessionHint.leaving();
    try {
      await alone(() => this.#endOnServer(token));
    } finally {
      this.tokenManager.forget();
    }
  }

  isMine(owner: string): boolean {
    return this.account !== null && (owner === this.account.id || owner === this.account.handle);
  }

  async #endOnServer(token: string | null): Promise<void> {
    // Another tab may have done it while this one waited for the lock.
    if (!sessionHint.isLeaving() && token === null) return;
    await endOnServer(token);
    sessionHint.clear();
  }

  #hear(word: Word): void {
    if (word.kind === 'signed-in') {
      this.tokenManager.accept(word.access);
      this.account = word.account;
    } else {
      // The other tab has ended the session already; only this tab's memory is left.
      location.assign('/sign-in');
    }
  }
}

/** Runs the work while no other tab runs its own. */
async function alone<T>(work: () => Promise<T>): Promise<T> {
  // Only secure contexts have locks; elsewhere the one promise per tab must do.
  return 'locks' in navigator ? await navigator.locks.request(LOCK, work) : await work();
}

export const session = new Session();
