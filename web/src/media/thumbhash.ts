// Owns the blurred picture that stands in while the real one loads. A handful are remembered: tiles come and go.
import { thumbHashToDataURL } from 'thumbhash';

const MAX_CACHED = 500;
const cache = new Map<string, string>();

/** A data: address for a thumbhash in base64, or `null` where it can't be read. */
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
