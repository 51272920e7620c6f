// Owns the access token: when it is renewed, by which tab, and what follows when it can't be.
// Does not own the refresh token, which lies in a cookie that no script can read, nor how the server is asked.
// Invariant: a refresh token is sent at most once, because the server ends the session whose token comes twice.
// So renewals queue up behind one promise in a tab and behind one lock between tabs.
import { Problem } from '../api/problem';
import type { SignedIn } from '../api/types';

export interface Access {
  token: string;
  /** Milliseconds since 1970, by this machine's clock. */
  expiresAt: number;
}

export interface TokenManagerDeps {
  /** Whether this browser was signed in when the server was asked last: a visitor should not ask at every load. */
  isExpected(): boolean;
  setExpected(expected: boolean): void;
  /** Exchanges the cookie for a new one and an access token. */
  refresh(): Promise<SignedIn>;
  /** Runs the work while no other tab runs its own. */
  withLock<T>(work: () => Promise<T>): Promise<T>;
  now(): number;
  /** Called with every new pair; `from` says whether this tab fetched it. */
  onSignedIn(access: Access, response: SignedIn): void;
  onSignedOut(): void;
}

/** Renew this long before the end, so that a slow request doesn't arrive late. */
const MARGIN_MS = 30_000;

export class TokenManager {
  #access: Access | null = null;
  #renewing: Promise<string | null> | null = null;

  constructor(private readonly deps: TokenManagerDeps) {}

  /** The access token that is in memory, good or not. */
  get current(): string | null {
    return this.#access?.token ?? null;
  }

  /** A token that is good for now, or `null` for a visitor. Throws a Problem where the server can't be asked. */
  async token(): Promise<string | null> {
    if (this.#access && this.#fresh(this.#access)) return this.#access.token;
    return this.renew(this.#access?.token ?? null);
  }

  /** Replaces `stale`. Whoever asks while that goes on gets the same answer. */
  renew(stale: string | null): Promise<string | null> {
    if (this.#access && this.#access.token !== stale && this.#fresh(this.#access)) {
      return Promise.resolve(this.#access.token);
    }
    this.#renewing ??= this.deps.withLock(() => this.#renewNow(stale)).finally(() => (this.#renewing = null));
    return this.#renewing;
  }

  /** Takes what signing in, signing up or another tab brought. */
  setAccess(access: Access): void {
    this.#access = access;
  }

  /** Takes a whole answer of the server; the browser has kept its cookie already. */
  acceptSession(response: SignedIn): void {
    this.#access = { token: response.access_token, expiresAt: this.deps.now() + response.expires_in * 1000 };
    this.deps.setExpected(true);
    this.deps.onSignedIn(this.#access, response);
  }

  clear(): void {
    this.#access = null;
    this.deps.setExpected(false);
    this.deps.onSignedOut();
  }

  async #renewNow(stale: string | null): Promise<string | null> {
    // Another tab may have brought a token while this one waited for the lock.
    if (this.#access && this.#access.token !== stale && this.#fresh(this.#access)) return this.#access.token;
    if (!this.deps.isExpected()) {
      if (this.#access !== null) this.clear();
      return null;
    }
    try {
      this.acceptSession(await this.deps.refresh());
      return this.#access?.token ?? null;
    } catch (error) {
      // Only a clear no ends the session; a server that is away or busy does not.
      if (error instanceof Problem && [400, 401, 403].includes(error.status)) {
        this.clear();
        return null;
      }
      throw error;
    }
  }

  #fresh(access: Access): boolean {
    return access.expiresAt - MARGIN_MS > this.deps.now();
  }
}
