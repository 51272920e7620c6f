// Proves that filters survive the URL.
import { expect, it } from 'vitest';
import { filterUrl, readFilter, withoutAt, withoutEmpty } from './filterUrl';

it('filters are the same after a reload, and what is empty is left out', () => {
  const filter = { owner: 'ada & co', state: '' };
  const url = filterUrl('/media', filter);
  expect(readFilter(['owner', 'state'], new URL(url, 'http://x').searchParams)).toEqual(filter);
  expect([filterUrl('/media', {}), filterUrl('/media', { owner: '  ' }), filterUrl('/media', { owner: ' a ' })]).toEqual(['/media', '/media', '/media?owner=a']);
  expect(withoutEmpty({ owner: ' a ', state: '' })).toEqual({ owner: 'a' });
  expect(readFilter(['owner'], new URLSearchParams('state=failed&owner=%20ada'))).toEqual({ owner: 'ada' });
  expect([withoutAt('@ada'), withoutAt('ada')]).toEqual(['ada', 'ada']);
});
