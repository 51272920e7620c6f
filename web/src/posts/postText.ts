// Owns how a post's text is cut into plain text, mentions, tags and links. Which words are mentions and tags, the server says.
// Uses no browser API, so it is tested alone.

export type TextPart = { kind: 'text' | 'link'; text: string } | { kind: 'mention'; text: string; handle: string } | { kind: 'tag'; text: string; tag: string };

const WORDS = /https?:\/\/[^\s<>"“”«»]+|[@#][\p{L}\p{N}_][\p{L}\p{M}\p{N}_.-]*/gu;
/** What ends a sentence or a bracket is not of the link or the name before it. */
const TRAILING = /[.,;:!?)\]}'’…-]+$/u;

/** Cuts a text. `handles` and `tags` are those that the server has found in it, in lower case. */
export function textParts(text: string, handles: readonly string[], tags: readonly string[]): TextPart[] {
  const parts: TextPart[] = [];
  let at = 0;
  const add = (part: TextPart): void => {
    const last = parts.at(-1);
    if (part.kind === 'text' && last?.kind === 'text') last.text += part.text;
    else if (part.text !== '') parts.push(part);
  };
  for (const match of text.matchAll(WORDS)) {
    // `ada@example.org` names nobody.
    const isWithinWord = !match[0].startsWith('http') && /[\p{L}\p{N}_]$/u.test(text.slice(0, match.index));
    const found = isWithinWord ? null : wordPart(match[0], handles, tags);
    if (!found) continue;
    add({ kind: 'text', text: text.slice(at, match.index) });
    add(found);
    at = match.index + found.text.length;
  }
  add({ kind: 'text', text: text.slice(at) });
  return parts;
}

function wordPart(word: string, handles: readonly string[], tags: readonly string[]): TextPart | null {
  if (word.startsWith('http')) {
    const text = word.replace(TRAILING, '');
    return URL.canParse(text) ? { kind: 'link', text } : null;
  }
  const known = word.startsWith('@') ? handles : tags;
  // The longest beginning that is known: a full stop may end the sentence or be of the name.
  for (let text = word; text.length > 1; text = text.slice(0, -1)) {
    const name = text.slice(1).toLowerCase();
    if (known.includes(name)) return word.startsWith('@') ? { kind: 'mention', text, handle: name } : { kind: 'tag', text, tag: name };
    if (!TRAILING.test(text)) return null;
  }
  return null;
}
