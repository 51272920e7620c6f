// Proves that the link of a post leads to its page, with the token that opens it.
import { expect, it } from 'vitest';
import { linkOf, postPath, songPath, threadLinkOf } from './postPath';

it('the link to share is of the page, and has the token', () => {
  expect(linkOf({ id: 'p1', link: '/v1/posts/p1?link=a%2Bb' }, 'https://tutti.example')).toBe('https://tutti.example/p/p1?link=a%2Bb');
  expect(linkOf({ id: 'p1', link: null }, 'https://tutti.example')).toBeNull();
  expect(threadLinkOf({ id: 'p1', link: '/v1/posts/p1?link=a%2Bb' }, 'https://tutti.example')).toBe('https://tutti.example/t/p1?link=a%2Bb');
  expect(postPath('p1')).toBe('/p/p1');
  expect(songPath('5kT0vYq8Zb3mXw1RcHs9Ga')).toBe('/songs/5kT0vYq8Zb3mXw1RcHs9Ga');
});
