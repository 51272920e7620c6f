// Owns writing small pictures byte by byte, with what they say about their colours: JPEG (ITU-T T.81), PNG (third edition),
// WebP (RFC 9649) and profiles (ICC.1). Every JPEG consists of plain blocks, so its numbers are exact.
import { crc32, deflateSync } from 'node:zlib';

type Triple = readonly [number, number, number];

export const WIDTH = 320;
export const HEIGHT = 240;

/** The numbers of a pixel, as many as the picture has channels. */
export type Pixel = readonly number[];

/** Stripes of equal width, from the left. */
export const stripes = (...pixels: Pixel[]) => (x: number): Pixel => pixels[Math.floor((x * pixels.length) / WIDTH)] ?? [];

const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 255]);
const u32 = (value: number): Buffer => Buffer.from([value >>> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255]);
const fixed = (value: number): Buffer => u32(Math.round(value * 65536) >>> 0);

// --- PNG ---

const chunk = (kind: string, ...body: Buffer[]): Buffer => {
  const named = Buffer.concat([Buffer.from(kind, 'latin1'), ...body]);
  return Buffer.concat([u32(named.length - 4), named, u32(crc32(named))]);
};

/** A PNG with chunks in front of its pixels. */
export function png(pixel: (x: number, y: number) => Pixel, ...chunks: Buffer[]): Buffer {
  const rows: number[] = [];
  for (let y = 0; y < HEIGHT; y += 1) {
    rows.push(0);
    for (let x = 0; x < WIDTH; x += 1) rows.push(...pixel(x, y));
  }
  const kind = [0, 4, 2, 6][pixel(0, 0).length - 1] ?? 2;
  const header = chunk('IHDR', u32(WIDTH), u32(HEIGHT), Buffer.from([8, kind, 0, 0, 0]));
  const body = [header, ...chunks, chunk('IDAT', deflateSync(Buffer.from(rows))), chunk('IEND')];
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), ...body]);
}

/** The exponent that makes numbers of light. */
export const gamma = (value: number): Buffer => chunk('gAMA', u32(Math.round(value * 100_000)));
/** x and y of white, red, green and blue, in ten thousandths. */
export const chromaticities = (...points: number[]): Buffer => chunk('cHRM', ...points.map((value) => u32(value * 10)));
/** Primaries and transfer characteristics of ITU-T H.273; RGB, full range. */
export const codePoints = (primaries: number, transfer: number): Buffer => chunk('cICP', Buffer.from([primaries, transfer, 0, 1]));
export const embedded = (profile: Buffer): Buffer => chunk('iCCP', Buffer.from('a\0\0', 'latin1'), deflateSync(profile));

// --- JPEG ---

const segment = (marker: number, ...body: Buffer[]): Buffer => {
  const all = Buffer.concat(body);
  return Buffer.concat([Buffer.from([255, marker]), u16(all.length + 2), all]);
};

/** Adobe's segment: 0 is RGB or CMYK, 1 is YCbCr, 2 is YCCK. */
export const adobe = (transform: number): Buffer => segment(0xee, Buffer.from('Adobe\0\x64\0\0\0\0', 'latin1'), Buffer.from([transform]));

/** A profile in as many segments as are named, in the order in which they are named. */
export function inParts(profile: Buffer, ...order: number[]): Buffer {
  const length = Math.ceil(profile.length / order.length);
  const part = (number: number): Buffer => profile.subarray((number - 1) * length, number * length);
  return Buffer.concat(order.map((number) => segment(0xe2, Buffer.from('ICC_PROFILE\0', 'latin1'), Buffer.from([number, order.length]), part(number))));
}

/** A baseline JPEG of stored numbers (after the change to YCbCr, if any), with segments in front. */
export function jpeg(pixel: (x: number) => Pixel, ...segments: Buffer[]): Buffer {
  const channels = pixel(0).length;
  const last = Array<number>(channels).fill(0);
  let bits = '';
  for (let block = 0; block < (WIDTH * HEIGHT) / 64; block += 1) {
    pixel((block * 8) % WIDTH).forEach((value, channel) => {
      const step = value - 128 - (last[channel] ?? 0);
      last[channel] = value - 128;
      const length = step === 0 ? 0 : Math.floor(Math.log2(Math.abs(step))) + 1;
      const digits = length === 0 ? '' : (step > 0 ? step : step + 2 ** length - 1).toString(2).padStart(length, '0');
      // The length as a code of four bits, the difference, and the end of the block.
      bits += `${length.toString(2).padStart(4, '0')}${digits}0`;
    });
  }
  const bytes = (bits.match(/.{1,8}/g) ?? []).map((byte) => parseInt(byte.padEnd(8, '1'), 2));
  const each = (of: (id: number) => number[]): Buffer => Buffer.from(Array.from({ length: channels }, (_, at) => of(at + 1)).flat());
  return Buffer.concat([
    Buffer.from([255, 0xd8]),
    ...segments,
    segment(0xdb, Buffer.alloc(1), Buffer.alloc(64, 8)),
    segment(0xc0, Buffer.from([8]), u16(HEIGHT), u16(WIDTH), Buffer.from([channels]), each((id) => [id, 0x11, 0])),
    segment(0xc4, Buffer.from([0x00, 0, 0, 0, 9, ...Array<number>(12).fill(0), 0, 1, 2, 3, 4, 5, 6, 7, 8])),
    segment(0xc4, Buffer.from([0x10, 1, ...Array<number>(15).fill(0), 0])),
    segment(0xda, Buffer.from([channels]), each((id) => [id, 0]), Buffer.from([0, 63, 0])),
    Buffer.from(bytes.flatMap((byte) => (byte === 255 ? [255, 0] : [byte]))),
    Buffer.from([255, 0xd9]),
  ]);
}

/** JFIF's colours: 601, full range. */
export function ycbcr([r = 0, g = 0, b = 0]: Pixel): number[] {
  const y = 0.299 * r + 0.587 * g + 0.114 * b;
  return [y, 128 + (b - y) / 1.772, 128 + (r - y) / 1.402].map(Math.round);
}

// --- WebP ---

const riff = (kind: string, ...body: Buffer[]): Buffer => {
  const all = Buffer.concat(body);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(all.length);
  return Buffer.concat([Buffer.from(kind, 'latin1'), length, all, Buffer.alloc(all.length % 2)]);
};
const u24le = (value: number): Buffer => Buffer.from([value & 255, (value >> 8) & 255, value >> 16]);
const extended = (flags: number, ...body: Buffer[]): Buffer =>
  riff('RIFF', Buffer.from('WEBP'), riff('VP8X', Buffer.from([flags, 0, 0, 0]), u24le(WIDTH - 1), u24le(HEIGHT - 1)), ...body);

/** An animation whose only frame, a still WebP of half the size, is in the middle, and whether it declares transparency. */
export const partialFrame = (still: Buffer, declared: boolean): Buffer =>
  extended(
    declared ? 0x12 : 0x02,
    riff('ANIM', Buffer.alloc(6)),
    riff('ANMF', u24le(WIDTH / 8), u24le(HEIGHT / 8), u24le(WIDTH / 2 - 1), u24le(HEIGHT / 2 - 1), u24le(100), Buffer.alloc(1), still.subarray(12)),
  );

/** A still WebP of full size with a profile. */
export const profiled = (still: Buffer, profile: Buffer): Buffer => extended(0x20, riff('ICCP', profile), still.subarray(12));

// --- Profiles ---

const xyz = (...values: Triple): Buffer => Buffer.concat([Buffer.from('XYZ \0\0\0\0', 'latin1'), ...values.map(fixed)]);
const curve = (exponent: number): Buffer => Buffer.concat([Buffer.from('curv\0\0\0\0\0\0\0\x01', 'latin1'), u16(Math.round(exponent * 256))]);
const D50: Triple = [0.9642, 1, 0.8249];

function profile(kind: string, space: string, connection: string, tags: Record<string, Buffer>): Buffer {
  const entries = Object.entries(tags);
  const table: Buffer[] = [u32(entries.length)];
  const content: Buffer[] = [];
  let at = 132 + 12 * entries.length;
  for (const [name, body] of entries) {
    const padded = Buffer.concat([body, Buffer.alloc(-body.length & 3)]);
    table.push(Buffer.from(name), u32(at), u32(body.length));
    content.push(padded);
    at += padded.length;
  }
  const header = Buffer.alloc(128);
  header.writeUInt32BE(at, 0);
  header.writeUInt32BE(0x02400000, 8);
  header.write(kind + space + connection, 12, 'latin1');
  header.write('acsp', 36, 'latin1');
  D50.forEach((value, axis) => fixed(value).copy(header, 68 + 4 * axis));
  return Buffer.concat([header, ...table, ...content]);
}

export const greyProfile = (exponent: number): Buffer => profile('mntr', 'GRAY', 'XYZ ', { wtpt: xyz(...D50), kTRC: curve(exponent) });

/** The profile of a display by its primaries, adapted to D50. */
export const displayProfile = (exponent: number, [red, green, blue]: readonly [Triple, Triple, Triple]): Buffer =>
  profile('mntr', 'RGB ', 'XYZ ', { wtpt: xyz(...D50), rXYZ: xyz(...red), gXYZ: xyz(...green), bXYZ: xyz(...blue), rTRC: curve(exponent), gTRC: curve(exponent), bTRC: curve(exponent) });

/** Adobe RGB (1998), whose exponent is 563/256. */
export const ADOBE_RGB = [
  [0.60974, 0.31111, 0.01947],
  [0.20528, 0.62567, 0.06087],
  [0.14919, 0.06322, 0.74457],
] as const;

/** A profile of inks that are duller than pure cyan, magenta and yellow: a table of 9 steps an ink. */
export function inkProfile(): Buffer {
  const steps = 9;
  const numbers: number[] = [];
  const root = (t: number): number => (t > 216 / 24389 ? Math.cbrt(t) : (t * 24389) / 27 / 116 + 16 / 116);
  for (let at = 0; at < steps ** 4; at += 1) {
    const [c = 0, m = 0, y = 0, k = 0] = [729, 81, 9, 1].map((weight) => (Math.floor(at / weight) % steps) / (steps - 1));
    const black = 1 - 0.97 * k;
    const r = (1 - 0.92 * c) * (1 - 0.2 * m) * (1 - 0.03 * y) * black;
    const g = (1 - 0.45 * c) * (1 - 0.93 * m) * (1 - 0.1 * y) * black;
    const b = (1 - 0.2 * c) * (1 - 0.6 * m) * (1 - 0.9 * y) * black;
    // Linear sRGB to XYZ at D50, then to L*a*b*.
    const [fx, fy, fz] = [
      (0.43607 * r + 0.38506 * g + 0.14308 * b) / D50[0],
      0.2225 * r + 0.71688 * g + 0.06062 * b,
      (0.01393 * r + 0.0971 * g + 0.71417 * b) / D50[2],
    ].map(root) as [number, number, number];
    numbers.push(((116 * fy - 16) / 100) * 0xff00, (500 * (fx - fy) + 128) * 256, (200 * (fy - fz) + 128) * 256);
  }
  const identity = (inputs: number): Buffer => Buffer.concat(Array.from({ length: inputs }, () => u32(0xffff)));
  const table = Buffer.concat([
    Buffer.from('mft2\0\0\0\0', 'latin1'),
    Buffer.from([4, 3, steps, 0]),
    ...[1, 0, 0, 0, 1, 0, 0, 0, 1].map(fixed),
    u16(2),
    u16(2),
    identity(4),
    ...numbers.map((number) => u16(Math.max(0, Math.min(0xffff, Math.round(number))))),
    identity(3),
  ]);
  return profile('prtr', 'CMYK', 'Lab ', { wtpt: xyz(...D50), A2B0: table });
}
