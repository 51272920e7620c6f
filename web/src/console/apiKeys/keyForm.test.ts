// Proves which scopes a form sends, and when a key has ended.
import { expect, it } from 'vitest';
import { isExpired, OFFERED_SCOPES, scopesOf } from './keyForm';

it('scopes that are chosen and written are sent once each', () => {
  expect(scopesOf(['media:read', 'albums:write'], ' posts:read,media:read\nchat:write ')).toEqual(['albums:write', 'chat:write', 'media:read', 'posts:read']);
  expect(scopesOf([], '  ')).toEqual([]);
  expect(OFFERED_SCOPES).toContain('uploads:write');
});

it('a key ends at its time', () => {
  const now = Date.parse('2026-05-17T09:30:00Z');
  expect(['2026-05-17T09:30:00Z', '2026-05-17T09:30:01Z', null].map((expires_at) => isExpired({ expires_at }, now))).toEqual([true, false, false]);
});
