// Proves that the texts compile, that the page uses each of them, and that the pseudo-locale changes text and nothing else.
import { readdirSync, readFileSync } from 'node:fs';
import { parse } from '@messageformat/parser';
import { expect, it } from 'vitest';
import uploadMessages from '#messages/upload';
import { readMessages } from './compile.js';
import { pseudoLocalize } from './pseudo.js';

const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.(svelte|ts)$/.test(path) && !/\.(test|d)\.ts$/.test(path))
  .map((path) => readFileSync(`src/${path}`, 'utf8'));

it('every text is used by the page', () => {
  const unused: string[] = [];
  for (const [feature, texts] of Object.entries(readMessages())) {
    const users = sources.flatMap((source) => {
      const name = new RegExp(`import (\\w+) from '#messages/${feature}'`).exec(source)?.[1];
      return name ? [{ source, name }] : [];
    });
    for (const key of Object.keys(texts)) {
      if (!users.some(({ source, name }) => new RegExp(`\\b${name}\\.${key}\\b`).test(source))) unused.push(`${feature}.${key}`);
    }
  }
  expect(unused).toEqual([]);
});

it('plural rules apply', () => {
  expect([1, 2, 1200].map((count) => uploadMessages.needYourAction({ count }))).toEqual([
    '1 upload needs your action',
    '2 uploads need your action',
    '1,200 uploads need your action',
  ]);
});

it('the pseudo-locale accents text and keeps arguments, cases and quotes', () => {
  expect(pseudoLocalize('Paused at {percent} % of {size}')).toBe('[Þåûšéð åţ {percent} % öƒ {size}]');
  expect(pseudoLocalize('{count, plural, one {# file} other {# files}}')).toBe('[{count, plural, one {# ƒîļé} other {# ƒîļéš}}]');
  expect(pseudoLocalize("it''s '{'")).toBe("[îţ''š '{']");
  for (const texts of Object.values(readMessages())) for (const text of Object.values(texts)) parse(pseudoLocalize(text));
});
