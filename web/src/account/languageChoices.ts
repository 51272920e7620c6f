// Owns which languages a member chooses from for the account: those of the page, and those that the browser or the account
// names besides, such as a regional variant, for which dates and numbers are written.
import { findLanguage, LANGUAGES } from '../messages/languages';
import { languageName } from '../media/languageName';
import type { Choice } from './regions';

/** Returns the choices, each called by its own name: every language of the page with its variants, then all others. */
export function languageChoices(locale: string, preferred: readonly string[]): Choice[] {
  const named = new Set([locale, ...preferred].flatMap((tag) => canonical(tag) ?? []));
  for (const { tag } of LANGUAGES) named.delete(tag);
  const variants = (of: string | undefined): Choice[] => [...named].filter((tag) => findLanguage([tag])?.tag === of).map((tag) => ({ value: tag, label: languageName(tag) }));
  return [...LANGUAGES.flatMap(({ tag, name }) => [{ value: tag, label: name }, ...variants(tag)]), ...variants(undefined)];
}

/** `pt-br` → `pt-BR`; `null` for what is no tag. */
export function canonical(tag: string): string | null {
  try {
    return Intl.getCanonicalLocales(tag)[0] ?? null;
  } catch {
    return null;
  }
}
