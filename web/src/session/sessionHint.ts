// Owns what this browser remembers of its session between loads: one word, no secret. The session itself is a cookie
// that no script can read. Without this word a visitor would have to ask the server at every load.
// Invariant: nothing that is stored here lets anyone in.

const KEY = 'tutti.session';

const read = (): string | null => tryStorage(() => localStorage.getItem(KEY));

/** Storage may be switched off; then a session lasts as long as its page. */
export function tryStorage<T>(work: () => T): T | null {
  try {
    return work();
  } catch {
    return null;
  }
}

export const sessionHint = {
  isSignedIn: (): boolean => read() === 'in' || legacyRefreshToken.read() !== null,
  /** Whether somebody signed out here and the server could not be told yet. */
  isSigningOut: (): boolean => read() === 'leaving',
  signedIn: (): void => void tryStorage(() => localStorage.setItem(KEY, 'in')),
  signingOut: (): void => {
    legacyRefreshToken.remove();
    tryStorage(() => localStorage.setItem(KEY, 'leaving'));
  },
  /** Forgets the session; that the server still has to be told stays. */
  signedOut: (): void => {
    legacyRefreshToken.remove();
    if (read() === 'in') sessionHint.clear();
  },
  clear: (): void => void tryStorage(() => localStorage.removeItem(KEY)),
};

/** The refresh token of a page from before there was a cookie. It is exchanged for one, once, and removed. */
export const legacyRefreshToken = {
  read: (): string | null => tryStorage(() => localStorage.getItem('tutti.refresh')),
  remove: (): void => void tryStorage(() => localStorage.removeItem('tutti.refresh')),
};
