// Proves that a page is shown only to a reader whose roles allow it.
import { expect, it } from 'vitest';
import { matchRoute, openPages, visibleRoute, type RouteName } from './routes';

it('reads the parameters of a path', () => {
  expect(matchRoute('/')).toEqual({ name: 'members', params: {} });
  expect(matchRoute('/members/0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10')).toEqual({ name: 'member', params: { id: '0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10' } });
  expect(['/members', '/members/a/b', '/settings', '/console.html'].map((path) => matchRoute(path).name)).toEqual(Array(4).fill('not-found'));
});

it('a visitor, and a member without a role of operators, see none of the pages', () => {
  for (const name of ['members', 'member', 'audit', 'jobs', 'dead-letters', 'not-found'] as RouteName[]) {
    expect(visibleRoute(name, null, false)).toBe('sign-in');
    expect(visibleRoute(name, ['member', 'curator'], false)).toBe('refused');
    expect(visibleRoute(name, ['operator'], true)).toBe('refused');
  }
});

it('each role is offered its pages, and told why another one is not shown', () => {
  expect(openPages(['member', 'viewer'])).toEqual(['members']);
  expect(openPages(['moderator'])).toEqual(['members']);
  expect(openPages(['developer'])).toEqual(['members', 'jobs', 'dead-letters']);
  expect(openPages(['operator'])).toEqual(['members', 'audit', 'jobs', 'dead-letters']);
  expect([visibleRoute('audit', ['developer'], false), visibleRoute('jobs', ['moderator'], false)]).toEqual(['no-access', 'no-access']);
  expect([visibleRoute('sign-in', ['viewer'], false), visibleRoute('not-found', ['viewer'], false)]).toEqual(['members', 'not-found']);
});
