// Owns what this browser remembers of its session between loads: one word, no secret. The session itself is a cookie
// that no script can read. Without this word a visitor would have to ask the server at every load.
// Invariant: nothing that is stored here lets anyone in.

const KEY = 'tutti.session';

const read = (): string | null => attempt(() => localStorage.getItem(KEY));

/** Storage may be switched off; then a session lasts as long as its page. */
export function attempt<T>(work: () => T): T | null {
  try {
    return work();
  } catch {
    return null;
  }
}

export const sessionHint = {
  isSignedIn: (): boolean => read() === 'in' || oldToken.read() !== null,
  /** Whether somebody signed out here and the server could not be told yet. */
  isLeaving: (): boolean => read() === 'leaving',
  signedIn: (): void => void attempt(() => localStorage.setItem(KEY, 'in')),
  leaving: (): void => {
    oldToken.remove();
    attempt(() => localStorage.setItem(KEY, 'leaving'));
  },
  /** Forgets the session; that the server still has to be told stays. */
  signedOut: (): void => {
    oldToken.remove();
    if (read() === 'in') sessionHint.clear();
  },
  clear: (): void => void attempt(() => localStorage.removeItem(KEY)),
};

/** The refresh token of a page from before there was a cookie. It is exchanged for one, once, and removed. */
export const oldToken = {
  read: (): string | null => attempt(() => localStorage.getItem('tutti.refresh')),
  remove: (): void => void attempt(() => localStorage.removeItem('tutti.refresh')),
};
