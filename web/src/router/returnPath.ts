// Owns where the page goes after sign-in: to the path in `?to=`, if it is a path of this page.
// Invariant: the result is always a path that the page itself shows on this origin.
import { isPagePath } from './match';

const HOME = '/';

/** Returns `to` as a path with query and fragment, parsed as the browser would; the home path for anything else. */
export function returnPath(to: string | null, origin: string): string {
  if (to === null || !to.startsWith('/')) return HOME;
  let url: URL;
  try {
    // The browser's own parser: it reads `\` as `/` and drops tabs and line breaks, which a parser here could miss.
    url = new URL(to, origin);
  } catch {
    return HOME;
  }
  // A path that begins with two slashes would name a host when it is parsed again.
  if (url.origin !== origin || url.pathname.startsWith('//') || !isPagePath(url.pathname)) return HOME;
  return url.pathname + url.search + url.hash;
}
