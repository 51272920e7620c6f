// Proves that a language is called by its own name, and that what is no language tag stays as it is.
import { expect, it } from 'vitest';
import { languageName } from './languageName';

it('a language has its own name', () => {
  expect(['en', 'de', 'pt-BR', 'x', 'no language'].map(languageName)).toEqual(['English', 'Deutsch', 'Português (Brasil)', 'x', 'no language']);
});
