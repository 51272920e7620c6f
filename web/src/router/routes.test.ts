// Proves that addresses lead where the table says and nowhere else.
import { expect, it } from 'vitest';
import { isPagePath, match } from './routes';

it('reads the parts of an address', () => {
  expect(match('/')).toEqual({ name: 'library', params: {} });
  expect(match('/m/5kT0vYq8Zb3mXw1RcHs9Ga')).toEqual({ name: 'media', params: { id: '5kT0vYq8Zb3mXw1RcHs9Ga' } });
  expect(match('/u/ad%C3%A9le/')).toEqual({ name: 'member', params: { handle: 'adéle' } });
});

it('is lost for anything else', () => {
  for (const path of ['/m', '/m/a/b', '/nowhere', '/u/%E0%A4%A']) expect(match(path).name).toBe('not-found');
});

it('leaves the server’s own addresses to the server', () => {
  expect(['/v1/media/x/original', '/docs', '/assets/a.js', '/favicon.svg'].some(isPagePath)).toBe(false);
  expect(['/', '/m/abc', '/u/ada.lovelace', '/settings', '/nowhere'].every(isPagePath)).toBe(true);
});
