// Proves that a filter survives the URL and that unknown values do not.
import { expect, it } from 'vitest';
import { readFilter, writeFilter } from './filterQuery';

it('goes there and back', () => {
  const filter = { kind: 'video', state: 'ready', visibility: 'public', tag: 'first dance', q: 'a&b', sort: 'taken' } as const;
  expect(readFilter(new URL(writeFilter(filter), 'http://x').searchParams)).toEqual(filter);
  expect(writeFilter({})).toBe('/');
});

it('leaves nonsense out', () => {
  expect(readFilter(new URLSearchParams('kind=spoon&state=&visibility=all&q=%20&sort=size'))).toEqual({});
});
