// Owns where one goes after signing in: back to the address in `?to=`, if it is one of this page's own.
// Invariant: what is returned is a path that the page itself answers on this origin, whatever was asked for.
import { isPagePath } from './routes';

const HOME = '/';

/** Reads `to` as the browser would, and returns it as a path with its query and fragment; the start for anything else. */
export function returnPath(to: string | null, origin: string): string {
  if (to === null || !to.startsWith('/')) return HOME;
  let url: URL;
  try {
    // The browser's own reader: it takes `\` for `/` and drops tabs and line breaks, so no rule of ours can miss one of its tricks.
    url = new URL(to, origin);
  } catch {
    return HOME;
  }
  // A path that begins with two slashes would name a host when it is read again.
  if (url.origin !== origin || url.pathname.startsWith('//') || !isPagePath(url.pathname)) return HOME;
  return url.pathname + url.search + url.hash;
}
