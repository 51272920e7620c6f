// Proves that what people wrote gets the direction of its own letters, whatever the language of the page is, and that the
// layout follows the direction of the language.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { languageTags, readMessages } from './messages/compile.js';

const components = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.svelte'));
const tags = components.flatMap((path) => [...readFileSync(`src/${path}`, 'utf8').matchAll(/<[a-z](?:[^<>{}]|\{[^{}]*\})*>/g)].map(([tag]) => ({ path, tag })));

it('every element that is marked as written by people has the direction of its letters', () => {
  const written = tags.filter(({ path, tag }) => /\btranslate=/.test(tag) && !path.endsWith('Header.svelte'));
  expect(written.length).toBeGreaterThan(10);
  // E-mails, URLs and addresses run from left to right, whatever they begin with.
  expect(written.filter(({ tag }) => !/dir="(auto|ltr)"/.test(tag))).toEqual([]);
});

it('every field for text has dir="auto"', () => {
  const fields = tags.filter(({ tag }) => /^<(textarea|input)/.test(tag) && !/\btype="(file|radio|range|checkbox)"|\bhidden\b|\breadonly\b/.test(tag));
  expect(fields.length).toBeGreaterThan(3);
  expect(fields.filter(({ tag }) => !/dir="auto"|\{dir\}/.test(tag))).toEqual([]);
});

it.each(languageTags())('a name within a sentence is isolated from it in %s', (tag) => {
  const quoted = Object.values(readMessages(tag)).flatMap((texts) => Object.values(texts).filter((text) => /[“«]\s?\u2068?\{/.test(text)));
  expect(quoted.length).toBeGreaterThan(3);
  expect(quoted.filter((text) => !/[“«]\u00a0?\u2068\{\w+\}\u2069\u00a0?[”»]/.test(text))).toEqual([]);
});

it('no style names the left or the right side', () => {
  const PHYSICAL = /^\s*(?:left|right|(?:margin|padding|border|scroll-margin|scroll-padding)-(?:left|right)\b[\w-]*|border-(?:top|bottom)-(?:left|right)-radius)\s*:|(?:text-align|float|clear)\s*:\s*(?:left|right)|style:(?:left|right)=|\bpush-right\b/;
  // `padding: 1px 2px 3px 4px`: the second value is the right side, the fourth the left one.
  const FOUR_SIDES = /^\s*(?:margin|padding|inset|border-width|border-color|border-style):\s*((?:[^\s;()]|\([^;]*?\))+)\s+((?:[^\s;()]|\([^;]*?\))+)\s+((?:[^\s;()]|\([^;]*?\))+)\s+((?:[^\s;()]|\([^;]*?\))+);/;
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((path) => /\.(svelte|css)$/.test(path));
  const found = files.flatMap((path) =>
    readFileSync(`src/${path}`, 'utf8')
      .split('\n')
      .filter((line) => {
        const sides = FOUR_SIDES.exec(line);
        return PHYSICAL.test(line) || (sides !== null && sides[2] !== sides[4]);
      })
      .map((line) => `${path}: ${line.trim()}`),
  );
  expect(found).toEqual([]);
});
