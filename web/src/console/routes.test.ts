// Proves that a page is shown only to a reader whose roles allow it.
import { expect, it } from 'vitest';
import { matchRoute, navigationOf, openPages, ROUTES, visibleRoute, type RouteName } from './routes';

it('reads the parameters of a path', () => {
  expect(matchRoute('/')).toEqual({ name: 'members', params: {} });
  expect(matchRoute('/members/0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10')).toEqual({ name: 'member', params: { id: '0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10' } });
  expect(matchRoute('/webhooks/0198b2a4')).toEqual({ name: 'webhook', params: { id: '0198b2a4' } });
  expect(['/known-pictures', '/jobs', '/jobs/runs', '/mails/content', '/media/5kT0vYq8', '/moderation/0198b2a4', '/reports/0198b2a4'].map((path) => navigationOf(matchRoute(path).name))).toEqual(['known-pictures', 'jobs', 'jobs', 'mails', 'media', 'moderation', 'reports']);
  expect(['/members', '/members/a/b', '/settings', '/console.html'].map((path) => matchRoute(path).name)).toEqual(Array(4).fill('not-found'));
});

it('a visitor, and a member without a role of operators, see none of the pages', () => {
  for (const name of Object.keys(ROUTES).filter((name) => !['sign-in', 'refused', 'no-access'].includes(name)) as RouteName[]) {
    expect(visibleRoute(name, null, false)).toBe('sign-in');
    expect(visibleRoute(name, ['member', 'curator'], false)).toBe('refused');
    expect(visibleRoute(name, ['operator'], true)).toBe('refused');
  }
});

it('each role is offered its pages, and told why another one is not shown', () => {
  expect(openPages(['member', 'viewer'])).toEqual(['members', 'processes', 'configuration']);
  expect(openPages(['moderator'])).toEqual(['members', 'media', 'moderation', 'known-pictures', 'reports', 'processes', 'configuration']);
  expect(openPages(['developer'])).toEqual(['members', 'mails', 'processes', 'logs', 'jobs', 'dead-letters', 'flags', 'configuration']);
  expect(openPages(['operator'])).toEqual(['members', 'media', 'moderation', 'known-pictures', 'reports', 'mails', 'processes', 'logs', 'jobs', 'dead-letters', 'flags', 'configuration', 'webhooks', 'announcements', 'api-keys', 'audit']);
  expect(visibleRoute('mail', ['developer'], false)).toBe('no-access');
  expect([visibleRoute('audit', ['developer'], false), visibleRoute('jobs', ['moderator'], false)]).toEqual(['no-access', 'no-access']);
  expect([visibleRoute('sign-in', ['viewer'], false), visibleRoute('not-found', ['viewer'], false)]).toEqual(['members', 'not-found']);
});
