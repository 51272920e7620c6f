// Proves that a member chooses from the languages of the page, the browser's and the account's, each once.
import { expect, it } from 'vitest';
import { languageChoices } from './languageChoices';

const values = (locale: string, ...preferred: string[]): string[] => languageChoices(locale, preferred).map(({ value }) => value);

it('the languages of the page come first, each with its variants', () => {
  expect(values('en')).toEqual(['en', 'fr', 'es', 'ar']);
  expect(values('en-GB', 'fr-CA', 'en-gb', 'pt-BR', 'en')).toEqual(['en', 'en-GB', 'fr', 'fr-CA', 'es', 'ar', 'pt-BR']);
});

it('the account keeps a language that the page lacks, and what is no tag is left out', () => {
  expect(languageChoices('pt-BR', ['*', 'not a tag']).at(-1)).toEqual({ value: 'pt-BR', label: 'Português (Brasil)' });
  expect(values('pt-BR', '*', 'not a tag')).toHaveLength(5);
});
