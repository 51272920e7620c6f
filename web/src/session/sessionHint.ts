// Owns what this browser stores about its session between loads: one word, no secret. The session itself is a cookie that
// no script can read. Without the hint, a visitor's browser would have to ask the server at every load.
// Invariant: nothing that is stored here grants access.
import { tryStorage } from '../ui/storage';

const KEY = 'tutti.session';

const read = (): string | null => tryStorage(() => localStorage.getItem(KEY));

export const sessionHint = {
  isSignedIn: (): boolean => read() === 'in' || legacyRefreshToken.read() !== null,
  /** Whether the member signed out here and the server does not know it yet. */
  isSigningOut: (): boolean => read() === 'leaving',
  signedIn: (): void => void tryStorage(() => localStorage.setItem(KEY, 'in')),
  signingOut: (): void => {
    legacyRefreshToken.remove();
    tryStorage(() => localStorage.setItem(KEY, 'leaving'));
  },
  /** Removes the hint, but keeps a sign-out that the server does not know yet. */
  signedOut: (): void => {
    legacyRefreshToken.remove();
    if (read() === 'in') sessionHint.clear();
  },
  clear: (): void => void tryStorage(() => localStorage.removeItem(KEY)),
};

/** The refresh token of an older page, which kept it in storage. It is exchanged for a cookie once, and removed. */
export const legacyRefreshToken = {
  read: (): string | null => tryStorage(() => localStorage.getItem('tutti.refresh')),
  remove: (): void => void tryStorage(() => localStorage.removeItem('tutti.refresh')),
};
