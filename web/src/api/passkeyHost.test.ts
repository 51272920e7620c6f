// Proves that the page offers a passkey only where a browser would use it.
import { expect, it } from 'vitest';
import { isAtOrBelow, passkeyHost } from './passkeyHost';

it('the options of the server name the host', () => {
  expect(passkeyHost({ publicKey: { rpId: 'tutti.example' } })).toBe('tutti.example');
  for (const other of [undefined, null, {}, { publicKey: {} }, { publicKey: { rpId: 1 } }]) expect(passkeyHost(other)).toBeNull();
});

it('a page at the host or below it may use its passkeys, and no other', () => {
  const pages = ['tutti.example', 'console.tutti.example', 'eviltutti.example', 'example', 'tutti.example.evil.example', '127.0.0.1'];
  expect(pages.filter((page) => isAtOrBelow('tutti.example', page))).toEqual(['tutti.example', 'console.tutti.example']);
});
