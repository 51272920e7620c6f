// Owns the language that the page speaks: chosen at the start, changed without a reload, remembered in this browser.
// Does not own the texts: compile.js makes a catalogue of each language, which is loaded when it is chosen.
// Invariant: a text is looked up when it is shown, so after a change every text on the page is in the new language.
import catalogues from '#messages/catalogues';
import { tryStorage } from '../ui/storage';
import { ENGLISH, findLanguage, lookup, regionalTag, type Language } from './languages';

type Text = (values?: Readonly<Record<string, string | number>>) => string;
export type Catalogue = Readonly<Record<string, Readonly<Record<string, Text>>>>;

const KEY = 'tutti.language';

let current = $state.raw<Language>(ENGLISH);
let regional = $state.raw(ENGLISH.tag);
let catalogue = $state.raw<Catalogue>({});
/** How many changes have begun: only the last one counts. */
let changes = 0;

const preferred = (): readonly string[] => (typeof navigator === 'undefined' ? [] : (navigator.languages ?? []));

export const language = {
  get tag(): string {
    return current.tag;
  },
  get direction(): 'ltr' | 'rtl' {
    return current.direction;
  },
  /** The tag for `Intl`: with the reader's region, where the browser names one. */
  get regionalTag(): string {
    return regional;
  },
  /** The tag for a new account: the browser's own, also of a language that the page lacks, unless another was chosen. */
  get accountTag(): string {
    const [own] = preferred();
    return own !== undefined && lookup(preferred()) === current ? own : regional;
  },
};

/** Loads the language that was chosen in this browser, else the first of the browser's languages that the page has. */
export async function startLanguage(): Promise<void> {
  const remembered = tryStorage(() => localStorage.getItem(KEY));
  const wanted = lookup(remembered === null ? preferred() : [remembered, ...preferred()]);
  await speak(wanted, remembered).catch(() => speak(ENGLISH, null));
}

/** Loads English, the only language of the operators' console, whatever the browser prefers. */
export const startEnglish = (): Promise<boolean> => speak(ENGLISH, null);

/**
 * Changes to the language that fits a tag (BCP 47), else to one of the browser's, and remembers it in this browser.
 * Fails, and changes nothing, if it cannot be loaded.
 */
export async function setLanguage(tag: string): Promise<void> {
  const wanted = lookup([tag, ...preferred()]);
  const isSpoken = await speak(wanted, tag);
  if (isSpoken) tryStorage(() => localStorage.setItem(KEY, findLanguage([tag]) ? tag : wanted.tag));
}

/** Returns whether this is the last change. A tag with a region says for which one dates and numbers are written. */
async function speak(wanted: Language, tag: string | null): Promise<boolean> {
  changes += 1;
  const change = changes;
  const { default: loaded } = await catalogues[wanted.tag]!();
  if (change !== changes) return false;
  catalogue = loaded;
  current = wanted;
  regional = regionalTag(wanted, tag === null || tag === wanted.tag ? preferred() : [tag, ...preferred()]);
  if (typeof document !== 'undefined') {
    document.documentElement.lang = wanted.tag;
    document.documentElement.dir = wanted.direction;
  }
  return true;
}

/** Returns a feature's texts, for the modules that compile.js writes. */
export function textsOf(feature: string): Record<string, Text> {
  const texts = new Map<string, Text>();
  return new Proxy<Record<string, Text>>({}, {
    get(_target, key) {
      if (typeof key === 'symbol') return undefined;
      let text = texts.get(key);
      if (!text) texts.set(key, (text = (values) => catalogue[feature]?.[key]?.(values) ?? ''));
      return text;
    },
  });
}

/** Returns a text that only some languages have, or `null`. */
export const optionalText = (feature: string, key: string, values: Readonly<Record<string, string>>): string | null => catalogue[feature]?.[key]?.(values) ?? null;
