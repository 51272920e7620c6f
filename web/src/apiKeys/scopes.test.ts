// Proves that the page says what a key may do.
import { expect, it } from 'vitest';
import { scopeSentences } from './scopes';

it('says what a key may do, tag by tag; a scope of a newer server is shown as it is', () => {
  expect(scopeSentences(['albums:read', 'media:write', 'media:read', 'music:read'])).toEqual(['Photos, songs and videos: read, change', 'Albums: read', 'music:read']);
  expect(scopeSentences([])).toEqual([]);
});
