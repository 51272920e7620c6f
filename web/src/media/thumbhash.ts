// Owns the blurred picture that stands in while the real one loads. A handful are remembered: tiles come and go.
import { thumbHashToDataURL } from 'thumbhash';

const MOST = 500;
const made = new Map<string, string>();

/** A data: address for a thumbhash in base64, or `null` where it can't be read. */
export function placeholder(hash: string | null | undefined): string | null {
  if (!hash) return null;
  const known = made.get(hash);
  if (known) return known;
  try {
    const address = thumbHashToDataURL(Uint8Array.from(atob(hash), (letter) => letter.charCodeAt(0)));
    if (made.size >= MOST) made.clear();
    made.set(hash, address);
    return address;
  } catch {
    return null;
  }
}
