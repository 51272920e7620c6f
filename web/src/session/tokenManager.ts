// Owns the access token: when it is renewed, by which tab, and what happens if renewal fails. Does not own the refresh
// token, which is a cookie that no script can read, nor the requests.
// Invariant: a refresh token is sent at most once, because the server ends a session whose token is reused.
// So all callers in a tab share one promise, and the tabs share one lock.
import { Problem } from '../api/problem';
import type { SignedIn } from '../api/types';

export interface Access {
  token: string;
  /** Milliseconds since 1970, by the clock of this device. */
  expiresAt: number;
}

export interface TokenManagerDeps {
  /** Whether this browser had a session at its last request, so that a visitor's browser sends none. */
  isExpected(): boolean;
  setExpected(expected: boolean): void;
  /** Exchanges the cookie for a new one and an access token. */
  refresh(): Promise<SignedIn>;
  /** Runs the work while no other tab holds the lock. */
  withLock<T>(work: () => Promise<T>): Promise<T>;
  now(): number;
  /** Called with every token that this tab received. */
  onSignedIn(access: Access, response: SignedIn): void;
  onSignedOut(): void;
}

/** Renew this long before expiry, so that a slow request does not arrive too late. */
const MARGIN_MS = 30_000;

export class TokenManager {
  #access: Access | null = null;
  #renewing: Promise<string | null> | null = null;

  constructor(private readonly deps: TokenManagerDeps) {}

  /** The access token in memory, valid or not. */
  get current(): string | null {
    return this.#access?.token ?? null;
  }

  /** Returns a valid token, or `null` for a visitor. Throws a Problem if the server cannot be reached. */
  async token(): Promise<string | null> {
    if (this.#access && this.#fresh(this.#access)) return this.#access.token;
    return this.renew(this.#access?.token ?? null);
  }

  /** Replaces the token `stale`. Concurrent callers get the same result. */
  renew(stale: string | null): Promise<string | null> {
    if (this.#access && this.#access.token !== stale && this.#fresh(this.#access)) {
      return Promise.resolve(this.#access.token);
    }
    this.#renewing ??= this.deps.withLock(() => this.#renewNow(stale)).finally(() => (this.#renewing = null));
    return this.#renewing;
  }

  /** Takes the access token of another tab. */
  setAccess(access: Access): void {
    this.#access = access;
  }

  /** Takes the response to sign-in, sign-up or renewal; the browser has stored its cookie already. */
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
    // Another tab may have sent a token while this one waited for the lock.
    if (this.#access && this.#access.token !== stale && this.#fresh(this.#access)) return this.#access.token;
    if (!this.deps.isExpected()) {
      if (this.#access !== null) this.clear();
      return null;
    }
    try {
      this.acceptSession(await this.deps.refresh());
      return this.#access?.token ?? null;
    } catch (error) {
      // Only a refusal ends the session; a server that is unreachable or overloaded does not.
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
