// Owns the sign-in of a member who is suspended or banned: the token with which they read what was decided, appeal it and take
// their data along. Does not own ordinary sessions: session/session.svelte.ts does.
// Invariant: the token is in memory only, is never renewed, and is forgotten when its time is over or the server refuses it.
import { Problem } from '../api/problem';
import type { SignedIn } from '../api/types';

/** Whether the server wants another sign-in: a token for an appeal is no way to a proof. */
const wantsSignIn = (cause: unknown): boolean => cause instanceof Problem && (cause.status === 401 || cause.code === 'auth.proof_required');

export class AppealSession {
  #token = $state.raw<string | null>(null);
  #handle = $state('');
  #timer: ReturnType<typeof setTimeout> | null = null;

  /** The token; `null` without a sign-in. */
  get token(): string | null {
    return this.#token;
  }
  /** Whose account it is. */
  get handle(): string {
    return this.#handle;
  }

  begin({ access_token, expires_in, account }: Pick<SignedIn, 'access_token' | 'expires_in'> & { account: { handle: string } }): void {
    this.end();
    this.#token = access_token;
    this.#handle = account.handle;
    this.#timer = setTimeout(() => this.end(), expires_in * 1000);
  }

  /** Forgets the token. */
  end(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#token = null;
    this.#handle = '';
  }

  /** Waits for a call with the token, and forgets the token if the server wants another sign-in. */
  async watch<T>(call: Promise<T>): Promise<T> {
    const token = this.#token;
    try {
      return await call;
    } catch (cause) {
      // Another sign-in may have begun meanwhile.
      if (token === this.#token && wantsSignIn(cause)) this.end();
      throw cause;
    }
  }
}

export const appealSession = new AppealSession();
