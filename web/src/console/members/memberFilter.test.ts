// Proves that the search for members is in the URL, and that what is no search is left out.
import { expect, it } from 'vitest';
import { accountsQuery, filterFromUrl, filterPath } from './memberFilter';

const read = (query: string) => filterFromUrl(new URLSearchParams(query));

it('the URL of a search finds the same members again', () => {
  for (const filter of [{ text: '', state: '' }, { text: 'ada@example.org', state: '' }, { text: '@gr', state: 'suspended' }, { text: '', state: 'active' }] as const) {
    expect(read(filterPath(filter).slice(2))).toEqual(filter);
  }
  expect(filterPath({ text: ' ', state: '' })).toBe('/');
  expect(read('q=%20ada%20&state=gone')).toEqual({ text: 'ada', state: '' });
  expect(read('state=toString').state).toBe('');
});

it('the query of the server has what is looked for only, and no @ before a handle', () => {
  expect(accountsQuery({ text: '', state: '' })).toEqual({});
  expect(accountsQuery({ text: '@ada', state: 'banned' })).toEqual({ query: 'ada', state: 'banned' });
});
