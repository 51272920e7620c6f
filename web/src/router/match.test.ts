// Proves that addresses lead where the table says and nowhere else.
import { expect, it } from 'vitest';
import { isOurs, match } from './match';

it('reads the parts of an address', () => {
  expect(match('/')).toEqual({ name: 'library', params: {} });
  expect(match('/m/5kT0vYq8Zb3mXw1RcHs9Ga')).toEqual({ name: 'media', params: { id: '5kT0vYq8Zb3mXw1RcHs9Ga' } });
  expect(match('/u/ad%C3%A9le/')).toEqual({ name: 'member', params: { handle: 'adéle' } });
});

it('is lost for anything else', () => {
  for (const path of ['/m', '/m/a/b', '/nowhere', '/u/%E0%A4%A']) expect(match(path).name).toBe('lost');
});

it('leaves the server’s own addresses to the server', () => {
  expect(['/v1/media/x/original', '/docs', '/assets/a.js', '/favicon.svg'].some(isOurs)).toBe(false);
  expect(['/', '/m/abc', '/u/ada.lovelace', '/settings', '/nowhere'].every(isOurs)).toBe(true);
});
