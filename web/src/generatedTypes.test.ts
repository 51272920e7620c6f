// Proves that the generated types are those of the committed documents.
import { readFileSync } from 'node:fs';
import openapiTS, { astToString, COMMENT_HEADER } from 'openapi-typescript';
import { expect, it } from 'vitest';

const TYPES: [document: string, types: string][] = [
  ['docs/openapi.json', 'src/api/schema.d.ts'],
  ['docs/operators-openapi.json', 'src/console/api/schema.d.ts'],
];

it.each(TYPES)('the types of %s are not stale; `make openapi` writes them', async (document, types) => {
  const written = `${COMMENT_HEADER}${astToString(await openapiTS(readFileSync(`../${document}`, 'utf8')))}`;
  expect(written === readFileSync(types, 'utf8'), `${types} is stale`).toBe(true);
});
