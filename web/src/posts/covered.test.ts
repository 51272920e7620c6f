// Proves that nothing sensitive is shown before the reader opens it, and all of it afterwards, in the post's order.
import { expect, it } from 'vitest';
import { splitCovered } from './covered';

const media = [
  { id: 'a', sensitive: false },
  { id: 'b', sensitive: true },
  { id: 'c', sensitive: false },
];

it('covers what is sensitive until it is opened', () => {
  const [a, b, c] = media;
  expect(splitCovered(media, false)).toEqual({ shown: [a, c], covered: [b] });
  expect(splitCovered(media, true)).toEqual({ shown: media, covered: [] });
});
