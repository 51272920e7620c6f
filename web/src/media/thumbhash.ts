// Owns the blurred preview that is shown while a picture loads. Previews are cached, because tiles are created often.
import { thumbHashToDataURL } from 'thumbhash';

const MAX_CACHED = 500;
const cache = new Map<string, string>();

/** Returns a data: URL for a thumbhash in base64, or `null` if it cannot be decoded. */
export function blurredPreview(hash: string | null | undefined): string | null {
  if (!hash) return null;
  const known = cache.get(hash);
  if (known) return known;
  try {
    const dataUrl = thumbHashToDataURL(Uint8Array.from(atob(hash), (letter) => letter.charCodeAt(0)));
    if (cache.size >= MAX_CACHED) cache.clear();
    cache.set(hash, dataUrl);
    return dataUrl;
  } catch {
    return null;
  }
}
