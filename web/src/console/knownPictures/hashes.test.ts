// Proves how hashes are written, and which files are refused before they are sent.
import { expect, it } from 'vitest';
import { isTooLarge, MAX_LIST_BYTES, shortHash } from './hashes';

it('a hash is told by its ends', () => {
  expect(shortHash(`f8f8f0ce${'0'.repeat(48)}4e9c9b22`)).toBe('f8f8f0ce…4e9c9b22');
  expect([shortHash(''), shortHash('0123456789abcdef')]).toEqual(['', '0123456789abcdef']);
});

it('a file that the server would refuse for its size is not sent', () => {
  expect([isTooLarge({ size: MAX_LIST_BYTES }), isTooLarge({ size: MAX_LIST_BYTES + 1 })]).toEqual([false, true]);
});
