// Proves that paths lead where the route table says and nowhere else.
import { expect, it } from 'vitest';
import served from '../public/routes.json';
import { isPagePath } from './router/match';
import { matchRoute as match, ROUTES, visibleRoute } from './routes';

it('reads the parameters of a path', () => {
  expect(match('/')).toEqual({ name: 'library', params: {} });
  expect(match('/m/5kT0vYq8Zb3mXw1RcHs9Ga')).toEqual({ name: 'media', params: { id: '5kT0vYq8Zb3mXw1RcHs9Ga' } });
  expect(match('/albums/2bQ9sLw7Kd4nYx0TfGv5Rm')).toEqual({ name: 'album', params: { id: '2bQ9sLw7Kd4nYx0TfGv5Rm' } });
  expect(match('/u/ad%C3%A9le/')).toEqual({ name: 'member', params: { handle: 'adéle' } });
});

it('finds no page for anything else', () => {
  for (const path of ['/m', '/m/a/b', '/nowhere', '/u/%E0%A4%A']) expect(match(path).name).toBe('not-found');
});

it('has the paths that the server answers with 200', () => {
  expect(Object.values(ROUTES).flatMap(({ pattern }) => (pattern === null ? [] : [pattern]))).toEqual(served);
});

it('leaves the server’s own paths to the server', () => {
  expect(['/v1/media/x/original', '/docs', '/oembed', '/assets/a.js', '/favicon.svg'].some(isPagePath)).toBe(false);
  expect(['/', '/m/abc', '/u/ada.lovelace', '/settings', '/nowhere'].every(isPagePath)).toBe(true);
});

it('shows a visitor no page that needs a session', () => {
  expect([visibleRoute('library', true), visibleRoute('library', false)]).toEqual(['library', 'welcome']);
  expect([visibleRoute('settings', false), visibleRoute('media', false), visibleRoute('album', false)]).toEqual(['sign-in', 'media', 'album']);
  for (const { signedOut } of Object.values(ROUTES)) if (signedOut) expect(ROUTES[signedOut].signedOut).toBeUndefined();
});
