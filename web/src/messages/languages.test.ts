// Proves which language a reader gets, and for which region dates and numbers are written.
import { afterEach, expect, it, vi } from 'vitest';
import { formatBytes, formatDate, formatDuration, formatList, spokenDuration } from '../ui/format';
import { language, setLanguage, startLanguage } from './language.svelte';
import { ENGLISH, LANGUAGES, lookup, regionalTag } from './languages';

afterEach(async () => {
  vi.unstubAllGlobals();
  await setLanguage('en');
});

/** A browser with these languages and this storage. */
function browser(languages: readonly string[], stored: Map<string, string> = new Map()): void {
  vi.stubGlobal('navigator', { languages });
  vi.stubGlobal('localStorage', { getItem: (key: string) => stored.get(key) ?? null, setItem: (key: string, value: string) => void stored.set(key, value) });
}

it('the first language that fits is chosen, with or without its region and script', () => {
  const chosen = (...tags: string[]): string => lookup(tags).tag;
  expect(chosen('fr')).toBe('fr');
  expect(chosen('es-419', 'fr')).toBe('es');
  expect(chosen('AR-EG')).toBe('ar');
  expect(chosen('de-CH', 'fr-CH', 'en')).toBe('fr');
  expect(chosen('ar-Arab-EG-u-nu-latn')).toBe('ar');
  expect(chosen('fr-x-private')).toBe('fr');
  expect(chosen('de', 'ja')).toBe('en');
  expect(chosen()).toBe('en');
  // A language whose tag only begins with the same letters is another one.
  expect(chosen('arn', 'frr', 'est')).toBe('en');
  for (const noTag of ['', '*', '-', 'x-fr', 'not a tag']) expect(chosen(noTag)).toBe('en');
});

it('dates and numbers are written for the region of the reader', () => {
  expect(regionalTag(ENGLISH, ['fr-FR', 'en-GB', 'en-US'])).toBe('en-GB');
  expect(regionalTag(ENGLISH, ['fr-FR'])).toBe('en');
  expect(regionalTag(ENGLISH, ['en-not a tag', 'arn'])).toBe('en');
});

it('the browser decides until a language is chosen, and the choice is remembered', async () => {
  const stored = new Map<string, string>();
  browser(['de', 'es-MX'], stored);
  await startLanguage();
  expect([language.tag, language.regionalTag, language.direction]).toEqual(['es', 'es-MX', 'ltr']);
  expect(stored.size).toBe(0);
  await setLanguage('ar-MA');
  expect([language.tag, language.direction]).toEqual(['ar', 'rtl']);
  await setLanguage('en');
  stored.set('tutti.language', 'ar');
  await startLanguage();
  expect(language.tag).toBe('ar');
});

it('what is stored may be no language, and storage may be denied', async () => {
  browser(['fr'], new Map([['tutti.language', '<b>']]));
  await startLanguage();
  expect(language.tag).toBe('fr');
  vi.stubGlobal('localStorage', undefined);
  await startLanguage();
  expect(language.tag).toBe('fr');
  await setLanguage('es');
  expect(language.tag).toBe('es');
});

it('a tag that the page has no language for leaves the choice to the browser', async () => {
  browser(['fr-BE', 'es']);
  await setLanguage('sv-SE');
  expect([language.tag, language.regionalTag]).toEqual(['fr', 'fr-BE']);
});

it('of two changes the last one counts, and is remembered', async () => {
  const stored = new Map<string, string>();
  browser(['en'], stored);
  await Promise.all([setLanguage('ar'), setLanguage('fr')]);
  expect([language.tag, stored.get('tutti.language')]).toEqual(['fr', 'fr']);
});

it('a tag with a region is remembered with it', async () => {
  const stored = new Map<string, string>();
  browser(['en-US'], stored);
  await setLanguage('en-GB');
  expect(formatDate('2026-03-09T12:00:00Z')).toBe('9 Mar 2026');
  await startLanguage();
  expect(language.regionalTag).toBe('en-GB');
  await setLanguage('sv-SE');
  expect([language.regionalTag, stored.get('tutti.language')]).toEqual(['en-US', 'en']);
});

it('a new account gets the tag of the browser, unless another language was chosen', async () => {
  browser(['pt-BR', 'fr-CA']);
  await startLanguage();
  expect([language.tag, language.accountTag]).toEqual(['fr', 'pt-BR']);
  await setLanguage('es');
  expect(language.accountTag).toBe('es');
});

it('sizes, durations, dates and lists are written in every language', async () => {
  const written: Record<string, string[]> = {};
  for (const { tag } of LANGUAGES) {
    browser([tag === 'ar' ? 'ar-EG' : tag]);
    await setLanguage(tag);
    const all = [formatBytes(12_345_678), formatDuration(3671), spokenDuration(7200), formatDate('2026-03-09T12:00:00Z'), formatList(['a', 'b'])];
    // Which spaces and marks of direction there are is a matter of the version of Unicode's data.
    written[tag] = all.map((text) => text.replace(/\s/g, ' ').replace(/[\u200e\u200f\u061c]/g, ''));
  }
  expect(written).toEqual({
    en: ['12.3 MB', '1:01:11', '2 hours', 'Mar 9, 2026', 'a, b'],
    fr: ['12,3 Mo', '1:01:11', '2 heures', '9 mars 2026', 'a et b'],
    es: ['12,3 MB', '1:01:11', '2 horas', '9 mar 2026', 'a y b'],
    ar: ['١٢٫٣ م.ب', '١:٠١:١١', 'ساعتان', '٠٩/٠٣/٢٠٢٦', 'a وb'],
  });
});
