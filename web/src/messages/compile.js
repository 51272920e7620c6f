// Owns the compile step of the page's texts (ICU MessageFormat, `LANGUAGE/FEATURE.json`): one catalogue per language, which
// the page loads when it is chosen, and one typed module per feature, `#messages/FEATURE`, that components import.
// The compiled texts contain no parser and need no eval; runtime.ts has what they call.
// Invariant: the same texts give the same modules; nothing is fetched and nothing is written outside `outDir`.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from '@messageformat/parser';

/** @typedef {import('@messageformat/parser').Token} Token */
/** @typedef {Record<string, Record<string, string>>} Texts by feature and key */

const SOURCE_DIR = fileURLToPath(new URL('./', import.meta.url));
export const OUT_DIR = fileURLToPath(new URL('../../generated/messages/', import.meta.url));
/** Sentences for codes of the server. Its own sentences are English and more precise, so the English catalogue has none. */
export const PROBLEMS = 'problems';
/** Features whose texts are English only, those of the operators' console: in no catalogue, but in their own modules. */
export const ENGLISH_ONLY = ['console'];

/**
 * Writes the catalogues and, for every feature, `<feature>.js` and `<feature>.d.ts`.
 * @param {string} outDir
 * @param {((text: string) => string) | null} pseudo Makes the texts of all languages from the English ones: the pseudo-locale.
 */
export function compileMessages(outDir = OUT_DIR, pseudo = null) {
  mkdirSync(join(outDir, 'catalogues'), { recursive: true });
  const english = readMessages();
  const tags = languageTags();
  for (const tag of tags) {
    const own = pseudo ? {} : readMessages(tag);
    const features = Object.entries(english).filter(([feature]) => !ENGLISH_ONLY.includes(feature) && (pseudo || tag !== 'en' || feature !== PROBLEMS));
    writeIfChanged(join(outDir, 'catalogues', `${tag}.js`), catalogue(tag, features, own, pseudo ?? ((text) => text)));
  }
  const loaders = tags.map((tag) => `  ${JSON.stringify(tag)}: () => import('./catalogues/${tag}.js'),\n`);
  writeIfChanged(join(outDir, 'catalogues.js'), `export default {\n${loaders.join('')}};\n`);
  writeIfChanged(join(outDir, 'catalogues.d.ts'), CATALOGUES_TYPE);
  for (const [feature, texts] of Object.entries(english)) {
    if (feature === PROBLEMS) continue;
    const code = ENGLISH_ONLY.includes(feature)
      ? `${RUNTIME}export default {\n${functions(texts, {}, 'en', pseudo ?? ((text) => text))}};\n`
      : `import { textsOf } from '#src/messages/language.svelte.ts';\nexport default textsOf('${feature}');\n`;
    writeIfChanged(join(outDir, `${feature}.js`), code);
    writeIfChanged(join(outDir, `${feature}.d.ts`), declarations(texts));
  }
}

const CATALOGUES_TYPE = `type Texts = Record<string, Record<string, (values?: Readonly<Record<string, string | number>>) => string>>;
declare const catalogues: Record<string, () => Promise<{ default: Texts }>>;
export default catalogues;
`;

/** The tags of all languages: the folders beside this file. */
export const languageTags = () =>
  readdirSync(SOURCE_DIR, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();

/**
 * All texts of a language, by feature and key.
 * @returns {Texts}
 */
export function readMessages(tag = 'en') {
  const files = readdirSync(join(SOURCE_DIR, tag)).filter((name) => name.endsWith('.json'));
  return Object.fromEntries(files.map((name) => [basename(name, '.json'), JSON.parse(readFileSync(join(SOURCE_DIR, tag, name), 'utf8'))]));
}

/**
 * A text that a language does not have yet is English in it; messages.test.ts fails until it has one.
 * @param {string} tag
 * @param {[string, Record<string, string>][]} features
 * @param {Texts} own
 * @param {(text: string) => string} transform
 */
function catalogue(tag, features, own, transform) {
  const lines = features.map(([feature, texts]) => `  ${feature}: {\n${functions(texts, own[feature] ?? {}, tag, transform)}  },\n`);
  return `${RUNTIME}export default {\n${lines.join('')}};\n`;
}

const RUNTIME = `import { percent, plural, select, write } from '#src/messages/runtime.ts';\n`;

/**
 * A function per text of a feature.
 * @param {Record<string, string>} texts
 * @param {Record<string, string>} own
 * @param {string} tag
 * @param {(text: string) => string} transform
 */
function functions(texts, own, tag, transform) {
  const lines = Object.entries(texts).map(([key, english]) => {
    const translated = own[key];
    const code = compile(parse(transform(translated ?? english)), translated === undefined ? 'en' : tag);
    return `    ${JSON.stringify(key)}: (${/\bd\./.test(code) ? 'd' : ''}) => ${code},\n`;
  });
  return lines.join('');
}

/**
 * A JavaScript expression for a text. `d` has the values.
 * @param {Token[]} tokens
 * @param {string} tag The language whose plural rules apply.
 * @returns {string}
 */
function compile(tokens, tag) {
  const parts = tokens.map((token) => {
    switch (token.type) {
      case 'content':
        return JSON.stringify(token.value);
      case 'argument':
        return `write(d.${token.arg})`;
      case 'octothorpe':
        return 'n';
      case 'function':
        if (token.key === 'number' && functionStyle(token) === '::percent') return `percent(d.${token.arg})`;
        throw new Error(`${token.arg}: ${token.key}, ${functionStyle(token)} is not supported`);
      case 'selectordinal':
        throw new Error(`${token.arg}: selectordinal is not supported`);
      default: {
        const cases = token.cases.map((one) => `${JSON.stringify(one.key)}: ${compile(one.tokens, tag)}`).join(', ');
        return token.type === 'plural' ? `plural("${tag}", d.${token.arg}, (n) => ({ ${cases} }))` : `select(d.${token.arg}, { ${cases} })`;
      }
    }
  });
  return parts.join(' + ') || '""';
}

/** @param {import('@messageformat/parser').FunctionArg} token */
export const functionStyle = (token) => (token.param ?? []).map((part) => (part.type === 'content' ? part.value : '')).join('').trim();

/** @param {Record<string, string>} texts */
function declarations(texts) {
  const lines = Object.entries(texts).map(([key, text]) => {
    const values = [...argumentTypes(parse(text))].map(([name, type]) => `${name}: ${type}`).join('; ');
    return `  /** ${text.replaceAll('*/', '*\\/')} */\n  ${key}(${values ? `values: { ${values} }` : ''}): string;\n`;
  });
  return `declare const messages: {\n${lines.join('')}};\nexport default messages;\n`;
}

/**
 * The TypeScript type of every argument: a plural and a percentage take a number, a select one of its cases.
 * @param {Token[]} tokens
 * @param {Map<string, string>} types
 */
export function argumentTypes(tokens, types = new Map()) {
  for (const token of tokens) {
    if (token.type === 'argument' && !types.has(token.arg)) types.set(token.arg, 'string | number');
    if (token.type === 'plural' || token.type === 'function') types.set(token.arg, 'number');
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
