// Owns the compile step of the page's texts: `en/*.json` (ICU MessageFormat, one file per feature) become one typed
// module each, `#messages/<feature>`, whose functions contain no parser and need no eval.
// Invariant: the same texts give the same modules; nothing is fetched and nothing is written outside `outDir`.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import MessageFormat from '@messageformat/core';
// @ts-expect-error The package declares no types for this entry.
import compileModule from '@messageformat/core/compile-module.js';
import { parse } from '@messageformat/parser';

/** @typedef {import('@messageformat/parser').Token} Token */

const SOURCE_DIR = fileURLToPath(new URL('./en/', import.meta.url));
export const OUT_DIR = fileURLToPath(new URL('../../generated/messages/', import.meta.url));

/**
 * Writes `<feature>.js` and `<feature>.d.ts` for every feature.
 * @param {string} outDir
 * @param {(text: string) => string} transform Applied to every text first; the pseudo-locale is made with it.
 */
export function compileMessages(outDir = OUT_DIR, transform = (text) => text) {
  mkdirSync(outDir, { recursive: true });
  const messageFormat = new MessageFormat('en');
  for (const [feature, texts] of Object.entries(readMessages())) {
    const transformed = Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, transform(text)]));
    writeIfChanged(join(outDir, `${feature}.js`), compileModule(messageFormat, transformed));
    writeIfChanged(join(outDir, `${feature}.d.ts`), declarations(texts));
  }
}

/**
 * All texts, by feature and key.
 * @returns {Record<string, Record<string, string>>}
 */
export function readMessages() {
  const files = readdirSync(SOURCE_DIR).filter((name) => name.endsWith('.json'));
  return Object.fromEntries(files.map((name) => [basename(name, '.json'), JSON.parse(readFileSync(join(SOURCE_DIR, name), 'utf8'))]));
}

/** @param {Record<string, string>} texts */
function declarations(texts) {
  const lines = Object.entries(texts).map(([key, text]) => {
    const values = [...argumentTypes(parse(text))].map(([name, type]) => `${name}: ${type}`).join('; ');
    return `  /** ${text.replaceAll('*/', '*\\/')} */\n  ${key}(${values ? `values: { ${values} }` : ''}): string;\n`;
  });
  return `declare const messages: {\n${lines.join('')}};\nexport default messages;\n`;
}

/**
 * The TypeScript type of every argument: a plural takes a number, a select one of its cases.
 * @param {Token[]} tokens
 * @param {Map<string, string>} types
 */
function argumentTypes(tokens, types = new Map()) {
  for (const token of tokens) {
    if (token.type === 'argument' && !types.has(token.arg)) types.set(token.arg, 'string | number');
    if (token.type === 'plural' || token.type === 'selectordinal') types.set(token.arg, 'number');
    if (token.type === 'select') types.set(token.arg, 'string');
    if ('cases' in token) for (const branch of token.cases) argumentTypes(branch.tokens, types);
  }
  return types;
}

/**
 * A watcher must not see a change where there is none.
 * @param {string} path
 * @param {string} text
 */
function writeIfChanged(path, text) {
  try {
    if (readFileSync(path, 'utf8') === text) return;
  } catch {
    // It does not exist yet.
  }
  writeFileSync(path, text);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) compileMessages();
