// Proves that the page speaks the language of the account where it has it.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { language, setLanguage } from '../messages/language.svelte';
import { speakAccountLanguage } from './accountLanguage';

beforeEach(() => void vi.stubGlobal('navigator', { languages: ['en-GB', 'fr-CA'] }));
afterEach(async () => {
  vi.unstubAllGlobals();
  await setLanguage('en');
});

it('the language of the account is spoken, for its region', async () => {
  expect(await speakAccountLanguage('es-MX')).toBe(true);
  expect([language.tag, language.regionalTag]).toEqual(['es', 'es-MX']);
  await speakAccountLanguage('en-US');
  expect([language.tag, language.regionalTag]).toEqual(['en', 'en-US']);
});

it('an account in a language that the page lacks changes nothing', async () => {
  await setLanguage('ar');
  expect(await speakAccountLanguage('de-AT')).toBe(true);
  expect(language.tag).toBe('ar');
});
