// Proves that no file and no declaration is named with a word that has a standard term.
import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { expect, it } from 'vitest';

/** Word → the term to use. */
const TERMS: Record<string, string> = {
  address: 'url',
  answer: 'response',
  door: 'form or listener',
  figure: 'metric',
  grant: 'signature',
  heard: 'listener',
  keeper: 'manager',
  most: 'max',
  neighbour: 'previous or next',
  patience: 'timeout',
  shelf: 'store',
  sound: 'audio',
  stage: 'viewer',
  trouble: 'error',
  wall: 'grid',
  whoever: 'caller',
};

it('names are standard terms', () => {
  const violations: string[] = [];
  for (const root of ['src', 'e2e']) {
    const paths = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) => /\.(svelte|ts|js)$/.test(path) && !path.endsWith('.d.ts'));
    for (const path of paths) {
      const source = readFileSync(`${root}/${path}`, 'utf8');
      const declared = [...source.matchAll(/\b(?:const|let|function|class|interface|type|set|get) #?([A-Za-z]\w+)/g)].map((match) => match[1] ?? '');
      const classes = [...source.matchAll(/^\s*\.([a-z][\w-]*)/gm)].map((match) => match[1] ?? '');
      for (const name of [basename(path).replace(/\..*/, ''), ...declared, ...classes]) {
        const words = name.split(/(?=[A-Z][a-z])|[_-]/).map((word) => word.toLowerCase());
        for (const word of words) if (word in TERMS) violations.push(`${root}/${path}: ${name} (use ${TERMS[word]})`);
      }
    }
  }
  expect(violations).toEqual([]);
});
