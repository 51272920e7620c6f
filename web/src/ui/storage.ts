// Owns access to what the browser keeps. It may be denied: in a frame of another site, or by a setting. The page then forgets,
// and works all the same.

/** Runs `work`, and returns `null` where storage is denied; a session then lasts as long as its page. */
export function tryStorage<T>(work: () => T): T | null {
  try {
    return work();
  } catch {
    return null;
  }
}
