// Proves that the page knows what the server's document says: which operations take a key, and which scopes keys can have.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { TAGS } from '../apiKeys/scopes';
import { CREATING_PATHS, OPERATORS_CREATING_PATHS } from './creations';

/** Operations with a key that the page does not call: uploads are sent by upload/tus.ts, and forms by other apps. */
const SENT_ELSEWHERE = ['/v1/media/form', '/v1/uploads'];

interface Operation {
  tags?: string[];
  parameters?: { name?: string }[];
}
type Paths = Record<string, Record<string, Operation>>;

const pathsOf = (file: string): Paths => (JSON.parse(readFileSync(`../docs/${file}`, 'utf8')) as { paths: Paths }).paths;
const paths = pathsOf('openapi.json');

it('every operation of the server that takes an Idempotency-Key gets one', () => {
  const takesKey = ({ parameters }: Operation): boolean => parameters?.some(({ name }) => name === 'Idempotency-Key') ?? false;
  const taking = (of: Paths): string[] => Object.entries(of).flatMap(([path, { post }]) => (post && takesKey(post) ? [path] : []));
  expect([...CREATING_PATHS, ...SENT_ELSEWHERE].sort()).toEqual(taking(paths).sort());
  // Those of a sign-in are at both listeners.
  const ofOperators = taking(pathsOf('operators-openapi.json')).filter((path) => path.startsWith('/v1/admin/'));
  expect([...OPERATORS_CREATING_PATHS].sort()).toEqual(ofOperators.sort());
});

it('the page offers scopes of every tag but accounts, which no key may use', () => {
  const tags = new Set(Object.values(paths).flatMap((path) => Object.values(path).flatMap((operation) => operation.tags ?? [])));
  tags.delete('accounts');
  expect([...TAGS].sort()).toEqual([...tags].sort());
});
