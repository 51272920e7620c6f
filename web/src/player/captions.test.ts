// Proves which captions the button turns on.
import { expect, it } from 'vitest';
import { preferredCaptions } from './captions';

it('captions are turned on in the last language, else in the reader’s, else in the first', () => {
  const captions = ['de', 'en-GB', 'pt-BR'].map((lang) => ({ lang, label: lang, url: '' }));
  const preferred = (last: string | null, ...languages: string[]): string | undefined => preferredCaptions(captions, last, languages)?.lang;
  expect([preferred('pt-BR', 'de'), preferred(null, 'fr', 'en-US'), preferred('sv', 'pt'), preferred(null, 'sv')]).toEqual(['pt-BR', 'en-GB', 'pt-BR', 'de']);
  expect(preferredCaptions([], null, ['en'])).toBeUndefined();
});
