// Proves that what people wrote gets the direction of its own letters, whatever the language of the page is.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { readMessages } from './messages/compile.js';

const components = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.svelte'));
const tags = components.flatMap((path) => [...readFileSync(`src/${path}`, 'utf8').matchAll(/<[a-z](?:[^<>{}]|\{[^{}]*\})*>/g)].map(([tag]) => ({ path, tag })));

it('every element that is marked as written by people has dir="auto"', () => {
  const written = tags.filter(({ path, tag }) => /\btranslate=/.test(tag) && !path.endsWith('Header.svelte'));
  expect(written.length).toBeGreaterThan(10);
  expect(written.filter(({ tag }) => !tag.includes('dir="auto"'))).toEqual([]);
});

it('every field for text has dir="auto"', () => {
  const fields = tags.filter(({ tag }) => /^<(textarea|input)/.test(tag) && !/\btype="(file|radio|range|checkbox)"|\bhidden\b|\breadonly\b/.test(tag));
  expect(fields.length).toBeGreaterThan(3);
  expect(fields.filter(({ tag }) => !/dir="auto"|\{dir\}/.test(tag))).toEqual([]);
});

it('a name within a sentence is isolated from it', () => {
  const quoted = Object.values(readMessages()).flatMap((texts) => Object.values(texts).filter((text) => text.includes('“')));
  expect(quoted.length).toBeGreaterThan(3);
  expect(quoted.filter((text) => !text.includes('“\u2068{') || !text.includes('}\u2069”'))).toEqual([]);
});
