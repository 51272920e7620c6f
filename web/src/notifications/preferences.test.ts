// Proves that a change of preferences changes what it names and nothing else.
import { expect, it } from 'vitest';
import type { NotificationPreferences } from '../api/types';
import { withKind, withQuietHours } from './preferences';

const BEFORE: NotificationPreferences = {
  language: null,
  zone: null,
  digest_at: null,
  promotions: null,
  quiet_hours: null,
  kinds: { reacted: { from: 'everyone', push: false, mail: 'off' }, mentioned: { from: 'everyone', push: true, mail: 'daily' } },
};

it('changes one kind, and none that the server does not know', () => {
  const after = withKind(BEFORE, 'reacted', { from: 'following' });
  expect(after.kinds).toEqual({ ...BEFORE.kinds, reacted: { from: 'following', push: false, mail: 'off' } });
  expect(withKind(BEFORE, 'eaten', { push: true })).toBe(BEFORE);
});

it('quiet hours begin with an offer in the member’s zone, and stay as they were set', () => {
  const on = withQuietHours(BEFORE, true, 'Europe/Berlin');
  expect(on.quiet_hours).toEqual({ from: '22:00', until: '07:00', zone: 'Europe/Berlin' });
  expect(withQuietHours(on, true, 'UTC').quiet_hours).toEqual(on.quiet_hours);
  expect(withQuietHours(on, false, 'UTC').quiet_hours).toBeNull();
});
