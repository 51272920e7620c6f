// Owns who is signed in, in this tab and its neighbours. The refresh token lies in localStorage, the access token
// only in memory; other tabs hear of both changes. Does not own when tokens are renewed: keeper.ts does.
import { problemFrom, unreachable } from '../api/problem';
import type { Account, SignedIn } from '../api/types';
import { TokenKeeper, type Access } from './keeper';

const KEY = 'tutti.refresh';
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

  readonly keeper = new TokenKeeper({
    readRefreshToken: () => localStorage.getItem(KEY),
    writeRefreshToken: (token) =>
      token === null ? localStorage.removeItem(KEY) : localStorage.setItem(KEY, token),
    askServer: refreshOnServer,
    alone: async (work) =>
      // Only secure contexts have locks; elsewhere the one promise per tab must do.
      'locks' in navigator ? await navigator.locks.request(LOCK, work) : await work(),
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
      await this.keeper.token();
    } catch (error) {
      this.trouble = error;
    } finally {
      this.starting = false;
    }
  }

  isMine(owner: string): boolean {
    return this.account !== null && (owner === this.account.id || owner === this.account.handle);
  }

  #hear(word: Word): void {
    if (word.kind === 'signed-in') {
      this.keeper.accept(word.access);
      this.account = word.account;
    } else {
      // The other tab has removed the stored token already; only this tab's memory is left.
      location.assign('/sign-in');
    }
  }
}

async function refreshOnServer(refreshToken: string): Promise<SignedIn> {
  let response: Response;
  try {
    response = await fetch('/v1/sessions/refresh', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ refresh_token: refreshToken }),
    });
  } catch {
    throw unreachable();
  }
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) throw problemFrom(response.status, body);
  return body as SignedIn;
}

export const session = new Session();
