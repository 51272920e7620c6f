// Owns the pseudo-locale en-XA: English with accents and brackets, made from the English texts for tests alone.
// Invariant: every ASCII letter of a text is replaced and no argument is, so a plain letter on a page is a text that
// was not extracted, and an unclosed bracket one that was cut or put together from pieces.
import { parse } from '@messageformat/parser';
import { functionStyle } from './compile.js';

/** @typedef {import('@messageformat/parser').Token} Token */

const PLAIN = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ACCENTED = 'ÅƁÇÐÉƑĜĤÎĴĶĻṀÑÖÞɊŔŠŢÛṼŴẊÝŽåƀçðéƒĝĥîĵķļɱñöþɋŕšţûṽŵẋýž';

/** @param {string} text */
export const accent = (text) => text.replace(/[A-Za-z]/g, (letter) => ACCENTED[PLAIN.indexOf(letter)] ?? letter);

/**
 * An ICU message with its literal text accented and the whole in brackets.
 * @param {string} message
 */
export const pseudoLocalize = (message) => `[${serialize(parse(message))}]`;

/**
 * @param {Token[]} tokens
 * @returns {string}
 */
function serialize(tokens) {
  return tokens
    .map((token) => {
      if (token.type === 'content') return accent(token.value).replace(/[{}']/g, (mark) => (mark === "'" ? "''" : `'${mark}'`));
      if (token.type === 'argument') return `{${token.arg}}`;
      if (token.type === 'octothorpe') return '#';
      if (token.type === 'function') return `{${token.arg}, ${token.key}, ${functionStyle(token)}}`;
      const cases = token.cases.map((branch) => `${branch.key} {${serialize(branch.tokens)}}`);
      return `{${token.arg}, ${token.type}, ${cases.join(' ')}}`;
    })
    .join('');
}
