// Proves that a file is recognised by its bytes, and that another file is not.
import { expect, it } from 'vitest';
import { fingerprintOf } from './fingerprint';

const bytes = (length: number, at = -1): Blob => {
  const data = new Uint8Array(length).map((_, i) => i % 251);
  if (at >= 0) data[at] = 255;
  return new Blob([data]);
};

it('recognises the same bytes', async () => {
  expect(await fingerprintOf(bytes(200_000))).toBe(await fingerprintOf(bytes(200_000)));
  expect(await fingerprintOf(new Blob([]))).toMatch(/^0-/);
});

it('tells files apart by size, start and end', async () => {
  const one = await fingerprintOf(bytes(200_000));
  for (const other of [bytes(200_001), bytes(200_000, 10), bytes(200_000, 199_990)]) {
    expect(await fingerprintOf(other)).not.toBe(one);
  }
});
