// Owns SHA-256 (FIPS 180-4) of short texts, at once. Does not own hashes of files. crypto.subtle does not exist outside
// secure contexts (a phone on the home network), and its promise for each hash would take longer than the hash.

/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes, and of the square roots of the first eight. */
const [ROUND_CONSTANTS, INITIAL] = constants();

function constants(): [Int32Array, Int32Array] {
  const primes: number[] = [];
  for (let candidate = 2; primes.length < 64; candidate++) if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate);
  const fraction = (value: number): number => ((value - Math.floor(value)) * 2 ** 32) | 0;
  return [Int32Array.from(primes, (prime) => fraction(Math.cbrt(prime))), Int32Array.from(primes.slice(0, 8), (prime) => fraction(Math.sqrt(prime)))];
}

const rotate = (value: number, bits: number): number => (value >>> bits) | (value << (32 - bits));

/** What a hash is computed in. Allocating it anew each time takes longer than the hash. */
const schedule = new Int32Array(64);
const state = new Int32Array(8);
let words = new Int32Array(64);

/** Returns the hash of an ASCII text, in hexadecimal. */
export function sha256Hex(text: string): string {
  const length = text.length;
  const count = Math.ceil((length + 9) / 64) * 16;
  if (count > words.length) words = new Int32Array(count);
  words.fill(0, 0, count);
  for (let at = 0; at < length; at++) words[at >> 2]! |= text.charCodeAt(at) << (24 - (at & 3) * 8);
  words[length >> 2]! |= 0x80 << (24 - (length & 3) * 8);
  words[count - 1] = length * 8;
  state.set(INITIAL);
  for (let start = 0; start < count; start += 16) compress(start);
  let hash = '';
  for (let at = 0; at < 8; at++) hash += (0x1_0000_0000 + (state[at]! >>> 0)).toString(16).slice(1);
  return hash;
}

function compress(start: number): void {
  for (let at = 0; at < 16; at++) schedule[at] = words[start + at]!;
  for (let at = 16; at < 64; at++) {
    const before = schedule[at - 15]!;
    const last = schedule[at - 2]!;
    const small0 = rotate(before, 7) ^ rotate(before, 18) ^ (before >>> 3);
    const small1 = rotate(last, 17) ^ rotate(last, 19) ^ (last >>> 10);
    schedule[at] = (schedule[at - 16]! + small0 + schedule[at - 7]! + small1) | 0;
  }
  let a = state[0]!, b = state[1]!, c = state[2]!, d = state[3]!;
  let e = state[4]!, f = state[5]!, g = state[6]!, h = state[7]!;
  // One by one: an array that is taken apart again in each round takes several times as long.
  for (let at = 0; at < 64; at++) {
    const large1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const first = (h + large1 + ((e & f) ^ (~e & g)) + ROUND_CONSTANTS[at]! + schedule[at]!) | 0;
    const large0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const second = (large0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + first) | 0;
    d = c;
    c = b;
    b = a;
    a = (first + second) | 0;
  }
  state[0]! += a;
  state[1]! += b;
  state[2]! += c;
  state[3]! += d;
  state[4]! += e;
  state[5]! += f;
  state[6]! += g;
  state[7]! += h;
}
