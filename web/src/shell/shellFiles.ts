// Owns which files of a build the service worker keeps: what the page needs to open, to show each of its pages, and to say
// that the server is away. Does not own how they are kept: serviceWorker.js does.
// Invariant: media, the API and the engines that only talk to the server are never among them.
import { createHash } from 'node:crypto';

export interface BuiltFile {
  fileName: string;
  content: string | Uint8Array;
}

/** The stream engine is larger, and of no use without a server. */
const MAX_BYTES = 100_000;
/** Files of `public` that the document names. */
export const PUBLIC_FILES = ['theme.js', 'favicon.svg', 'manifest.webmanifest', 'icons/apple-touch-icon.png'] as const;

/** Returns the paths to keep, and a version that changes with every change of the build. */
export function shellFiles(files: readonly BuiltFile[]): { version: string; files: string[] } {
  const sorted = [...files].sort((a, b) => (a.fileName < b.fileName ? -1 : 1));
  const hash = createHash('sha256');
  for (const { fileName, content } of sorted) hash.update(`${fileName}\n`).update(content);
  const named: readonly string[] = ['index.html', ...PUBLIC_FILES];
  const kept = sorted.filter(({ fileName, content }) => named.includes(fileName) || (/^assets\/.*\.(js|css|woff2)$/.test(fileName) && content.length <= MAX_BYTES));
  return { version: hash.digest('hex').slice(0, 16), files: kept.map(({ fileName }) => `/${fileName}`) };
}
