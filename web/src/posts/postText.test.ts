// Proves that only what the server has found in a text leads somewhere.
import { expect, it } from 'vitest';
import { textParts } from './postText';

const shown = (text: string, handles: string[] = [], tags: string[] = []): string =>
  textParts(text, handles, tags)
    .map((part) => (part.kind === 'text' ? part.text : `[${part.kind} ${part.text}]`))
    .join('');

it('mentions and tags are those that the server names', () => {
  expect(shown('Take one, with @Bob. #Karaoke, #none @nobody', ['bob'], ['karaoke'])).toBe('Take one, with [mention @Bob]. [tag #Karaoke], #none @nobody');
  expect(shown('@ada.l. says', ['ada.l'])).toBe('[mention @ada.l]. says');
  expect(shown('#غناء و#موسيقى', [], ['غناء'])).toBe('[tag #غناء] و#موسيقى');
});

it('a handle within a word, and a beginning of a longer name, is none', () => {
  expect(shown('mail ada@bob.example', ['bob.example', 'bob'])).toBe('mail ada@bob.example');
  expect(shown('@bobby', ['bob'])).toBe('@bobby');
});

it('links end before what ends the sentence, and only the web has any', () => {
  expect(shown('See https://example.org/a?b=1, (http://example.org). javascript:alert(1)')).toBe('See [link https://example.org/a?b=1], ([link http://example.org]). javascript:alert(1)');
  expect(shown('https://')).toBe('https://');
});

it('no character is lost', () => {
  const text = 'a @b #c\nhttps://d.example/e. @f';
  expect(textParts(text, ['b'], ['c']).map((part) => part.text).join('')).toBe(text);
  expect(textParts('', [], [])).toEqual([]);
});
