// Owns which languages the page has, and how one is chosen for a reader. Uses no browser API.
// Invariant: every row has a catalogue in src/messages (messages.test.ts).

export interface Language {
  /** A BCP 47 tag; also the name of the folder with its texts. */
  tag: string;
  /** What its speakers call it. */
  name: string;
  direction: 'ltr' | 'rtl';
}

export const ENGLISH: Language = { tag: 'en', name: 'English', direction: 'ltr' };

export const LANGUAGES: readonly Language[] = [
  ENGLISH,
  { tag: 'fr', name: 'Français', direction: 'ltr' },
  { tag: 'es', name: 'Español', direction: 'ltr' },
  { tag: 'ar', name: 'العربية', direction: 'rtl' },
];

/** Returns the first language that fits a list of tags, the preferred one first: the lookup of RFC 4647, section 3.4. */
export const lookup = (tags: readonly string[]): Language => findLanguage(tags) ?? ENGLISH;

/** The same without a default: `undefined` if the page has none of the languages. */
export function findLanguage(tags: readonly string[]): Language | undefined {
  for (const tag of tags) {
    for (const range of ranges(tag)) {
      const found = LANGUAGES.find((language) => language.tag.toLowerCase() === range);
      if (found) return found;
    }
  }
  return undefined;
}

/** `zh-Hant-x-y` → `zh-hant-x-y`, `zh-hant`, `zh`: a subtag of one letter goes with the one after it. */
function ranges(tag: string): string[] {
  const subtags = tag.toLowerCase().split('-');
  const found: string[] = [];
  while (subtags.length > 0) {
    found.push(subtags.join('-'));
    subtags.pop();
    if (subtags.at(-1)?.length === 1) subtags.pop();
  }
  return found;
}

/** Returns the tag that dates and numbers are written for: the reader's own variant of the language (`en-GB`), if there is one. */
export function regionalTag(language: Language, tags: readonly string[]): string {
  return tags.find((tag) => tag.toLowerCase().split('-')[0] === language.tag && isTag(tag)) ?? language.tag;
}

function isTag(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1;
  } catch {
    return false;
  }
}
