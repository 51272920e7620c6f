// Owns the Intl objects of the language that the page speaks; they are costly to make, so each is made once.
import { language } from './language.svelte';

function memoized<Options, T>(make: (tag: string, options: Options) => T): (options: Options) => T {
  const made = new Map<string, T>();
  return (options) => {
    const tag = language.regionalTag;
    const key = `${tag} ${JSON.stringify(options)}`;
    let one = made.get(key);
    if (one === undefined) made.set(key, (one = make(tag, options)));
    return one;
  };
}

export const numberFormat = memoized((tag, options: Intl.NumberFormatOptions) => new Intl.NumberFormat(tag, options));
export const dateFormat = memoized((tag, options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(tag, options));
export const listFormat = memoized((tag, options: Intl.ListFormatOptions) => new Intl.ListFormat(tag, options));
export const relativeTimeFormat = memoized((tag, options: Intl.RelativeTimeFormatOptions) => new Intl.RelativeTimeFormat(tag, options));
export const collator = memoized((tag, options: Intl.CollatorOptions) => new Intl.Collator(tag, options));
/** Plural rules belong to the texts, not to the reader's region. */
export const pluralRules = memoized((_tag, options: { tag: string }) => new Intl.PluralRules(options.tag));
