// Owns what compiled texts call: how a value is written within a text, and which case of a plural or a select applies.
import { numberFormat, pluralRules } from './intl';
import { language } from './language.svelte';

type Value = string | number;
type Cases = Readonly<Record<string, string>>;

const number = (value: number): string => numberFormat({}).format(value);

/** A number in the reader's digits; a string as it is, isolated from the letters around it where those run right to left. */
export function write(value: Value): string {
  if (typeof value === 'number') return number(value);
  return language.direction === 'rtl' ? `\u2068${value}\u2069` : value;
}

/** 42 → `42%`. */
export const percent = (value: Value): string => numberFormat({ style: 'percent' }).format(Number(value) / 100);

/** `cases` gets the number as it is written; its keys are categories of Intl.PluralRules, or `=0` for that number alone. */
export function plural(tag: string, count: Value, cases: (written: string) => Cases): string {
  const texts = cases(number(Number(count)));
  return texts[`=${count}`] ?? texts[pluralRules({ tag }).select(Number(count))] ?? texts['other'] ?? '';
}

export const select = (value: Value, cases: Cases): string => cases[value] ?? cases['other'] ?? '';
