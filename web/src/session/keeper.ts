// Owns the two tokens: when the access token is renewed, by whom, and what follows when it can't be.
// Does not own where they are kept or how the server is asked; both are handed in, so all of this is tested alone.
// Invariant: a refresh token is sent at most once, because the server revokes every session of a family whose
// token comes twice. So renewals queue up behind one promise in a tab and behind one lock between tabs.
import { Problem } from '../api/problem';
import type { SignedIn } from '../api/types';

export interface Access {
  token: string;
  /** Milliseconds since 1970, by this machine's clock. */
  expiresAt: number;
}

export interface KeeperParts {
  readRefreshToken(): string | null;
  writeRefreshToken(token: string | null): void;
  askServer(refreshToken: string): Promise<SignedIn>;
  /** Runs the work while no other tab runs its own. */
  alone<T>(work: () => Promise<T>): Promise<T>;
  now(): number;
  /** Called with every new pair; `from` says whether this tab fetched it. */
  signedIn(access: Access, answer: SignedIn): void;
  signedOut(): void;
}

/** Renew this long before the end, so that a slow request doesn't arrive late. */
const MARGIN_MS = 30_000;

export class TokenKeeper {
  #access: Access | null = null;
  #renewing: Promise<string | null> | null = null;

  constructor(private readonly parts: KeeperParts) {}

  /** Whether there is anything to sign in with. */
  get hopeful(): boolean {
    return this.#access !== null || this.parts.readRefreshToken() !== null;
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
    this.#renewing ??= this.parts.alone(() => this.#renewNow(stale)).finally(() => (this.#renewing = null));
    return this.#renewing;
  }

  /** Takes what signing in, signing up or another tab brought. */
  accept(access: Access): void {
    this.#access = access;
  }

  /** Takes a whole answer of the server and keeps both tokens. */
  keep(answer: SignedIn): void {
    this.#access = { token: answer.access_token, expiresAt: this.parts.now() + answer.expires_in * 1000 };
    this.parts.writeRefreshToken(answer.refresh_token);
    this.parts.signedIn(this.#access, answer);
  }

  forget(): void {
    this.#access = null;
    this.parts.writeRefreshToken(null);
    this.parts.signedOut();
  }

  async #renewNow(stale: string | null): Promise<string | null> {
    // Another tab may have brought a token while this one waited for the lock.
    if (this.#access && this.#access.token !== stale && this.#fresh(this.#access)) return this.#access.token;
    const refreshToken = this.parts.readRefreshToken();
    if (refreshToken === null) {
      if (this.#access !== null) this.forget();
      return null;
    }
    try {
      this.keep(await this.parts.askServer(refreshToken));
      return this.#access?.token ?? null;
    } catch (error) {
      // Only a clear no ends the session; a server that is away or busy does not.
      if (error instanceof Problem && [400, 401, 403].includes(error.status)) {
        this.forget();
        return null;
      }
      throw error;
    }
  }

  #fresh(access: Access): boolean {
    return access.expiresAt - MARGIN_MS > this.parts.now();
  }
}
