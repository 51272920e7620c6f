// Owns how a file is recognised: its size and a hash of its first and last 64 KB, so that no upload continues with
// another file's bytes. Not a secret and not a proof: the server hashes the whole file itself.

const SAMPLE_BYTES = 65_536;

export async function fingerprintOf(file: Blob): Promise<string> {
  const head = new Uint8Array(await file.slice(0, SAMPLE_BYTES).arrayBuffer());
  const tail = new Uint8Array(await file.slice(Math.max(0, file.size - SAMPLE_BYTES)).arrayBuffer());
  // crypto.subtle does not exist outside secure contexts (a phone on the home network), so the hash is a simple one.
  return `${file.size}-${fnv1a(head)}-${fnv1a(tail)}`;
}

/** FNV-1a with 32 bits, twice with different starts: http://www.isthe.com/chongo/tech/comp/fnv/ */
function fnv1a(bytes: Uint8Array): string {
  let a = 0x811c9dc5;
  let b = 0x9dc5811c;
  for (const byte of bytes) {
    a = Math.imul(a ^ byte, 0x01000193);
    b = Math.imul(b ^ byte, 0x01000193) ^ (b >>> 15);
  }
  return ((a >>> 0).toString(36) + (b >>> 0).toString(36)).padStart(14, '0');
}
