// Proves what can be searched for, that no picture of another origin is shown, and how states are called.
import { expect, it } from 'vitest';
import { isMediaWell, isSearchable, mediaQuery, mediaStateName, posterOf } from './mediaState';

it('without a member, only what failed is searched for', () => {
  expect(mediaQuery({ owner: '', state: '' })).toEqual({ state: 'failed' });
  expect(mediaQuery({ owner: '@ada', state: '' })).toEqual({ owner: 'ada' });
  expect(mediaQuery({ owner: 'ada', state: 'ready' })).toEqual({ owner: 'ada', state: 'ready' });
  const searches = [{ owner: '', state: '' }, { owner: '', state: 'failed' }, { owner: ' ', state: 'ready' }, { owner: 'ada', state: 'ready' }];
  expect(searches.map(isSearchable)).toEqual([true, true, false, true]);
});

it('only a poster of the page’s own origin is shown, and only one of a site is opened', () => {
  const page = 'http://127.0.0.1:8082/media/x';
  expect(posterOf('/v1/media/x/poster?t=a', page)).toEqual({ href: 'http://127.0.0.1:8082/v1/media/x/poster?t=a', isOwn: true });
  expect(posterOf('https://site.example/v1/media/x/poster', page)).toEqual({ href: 'https://site.example/v1/media/x/poster', isOwn: false });
  expect([posterOf('javascript:alert(1)', page), posterOf('data:image/png,x', page), posterOf(null, page)]).toEqual([null, null, null]);
});

it('a state that this page does not know has its own name', () => {
  expect(['failed', 'archived', 'valueOf'].map(mediaStateName)).toEqual(['Failed', 'archived', 'valueOf']);
  expect(['failed', 'ready', 'processing'].map(isMediaWell)).toEqual([false, true, null]);
});
