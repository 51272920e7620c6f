// Proves that the page knows what the server's document says: which operations take a key, and which scopes keys can have.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { TAGS } from '../apiKeys/scopes';
import { CREATING_PATHS } from './creations';

/** Operations with a key that the page does not call: uploads are sent by upload/tus.ts, and forms by other apps. */
const SENT_ELSEWHERE = ['/v1/media/form', '/v1/uploads'];

interface Operation {
  tags?: string[];
  parameters?: { name?: string }[];
}
const { paths } = JSON.parse(readFileSync('../docs/openapi.json', 'utf8')) as { paths: Record<string, Record<string, Operation>> };

it('every operation of the server that takes an Idempotency-Key gets one', () => {
  const takesKey = ({ parameters }: Operation): boolean => parameters?.some(({ name }) => name === 'Idempotency-Key') ?? false;
  const taking = Object.entries(paths).flatMap(([path, { post }]) => (post && takesKey(post) ? [path] : []));
  expect([...CREATING_PATHS, ...SENT_ELSEWHERE].sort()).toEqual(taking.sort());
});

it('the page offers scopes of every tag but accounts, which no key may use', () => {
  const tags = new Set(Object.values(paths).flatMap((path) => Object.values(path).flatMap((operation) => operation.tags ?? [])));
  tags.delete('accounts');
  expect([...TAGS].sort()).toEqual([...tags].sort());
});
