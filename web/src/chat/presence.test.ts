// Proves what is said of presence in each language, and what changes make of it.
import { afterAll, expect, it } from 'vitest';
import type { ConversationMember } from '../api/types';
import { setLanguage } from '../messages/language.svelte';
import { conversationPresence, presenceWords, withPresence } from './presence';

const NOW = Date.parse('2026-05-04T18:30:00Z');
const member = (account: string, presence: ConversationMember['presence'] = null): ConversationMember => ({ account, handle: account, display_name: null, avatar: null, admin: false, read_seq: 0, delivered_seq: 0, presence });
const online = { state: 'online', last_seen_at: null } as const;
const away = (last_seen_at: string | null) => ({ state: 'away', last_seen_at }) as const;

afterAll(() => setLanguage('en'));

it('a member is online, was seen a while ago, is away, or is not shown', async () => {
  const words = (presence: ConversationMember['presence']) => presenceWords(member('bob', presence), NOW);
  expect([words(online), words(away(null)), words(null), presenceWords(undefined)]).toEqual(['Online', 'Away', null, null]);
  expect(words(away('2026-05-04T18:10:00Z'))).toBe('Last seen 20 minutes ago');
  // A clock that is behind, and the day before.
  expect(words(away('2026-05-04T18:35:00Z'))).toBe('Last seen 1 minute ago');
  expect([words(away('2026-05-04T16:00:00Z')), words(away('2026-05-03T00:00:00Z'))]).toEqual(['Last seen 2 hours ago', 'Last seen 1 day ago']);
  for (const [tag, said] of [['fr', 'Dernière connexion il y a 20 minutes'], ['es', 'Última conexión hace 20 minutos'], ['ar', /آخر ظهور .*قبل .*دقيقة/]] as const) {
    await setLanguage(tag);
    expect(words(away('2026-05-04T18:10:00Z'))).toMatch(said);
  }
  await setLanguage('en');
});

it('a conversation says the presence of the other, a group how many are there', () => {
  const members = [member('me', online), member('bob', online), member('eve', away(null)), member('cy', online)];
  expect(conversationPresence({ kind: 'pair', members: members.slice(0, 2) }, 'me', NOW)).toBe('Online');
  expect(conversationPresence({ kind: 'group', members }, 'me', NOW)).toBe('2 online');
  expect(conversationPresence({ kind: 'group', members: members.slice(2, 3) }, 'me', NOW)).toBeNull();
});

it('a change is about its members alone, and null hides', () => {
  const before = { members: [member('bob', online), member('eve')] };
  expect(withPresence(before, { members: [{ account: 'cy', presence: online }], all: false })).toBe(before);
  const after = withPresence(before, { members: [{ account: 'bob', presence: null }, { account: 'eve', presence: away(null) }], all: false });
  expect(after.members.map(({ presence }) => presence)).toEqual([null, away(null)]);
  // Where all who are online are named, others are away.
  const begun = withPresence(before, { members: [{ account: 'cy', presence: online }], all: true });
  expect(begun.members.map(({ presence }) => presence)).toEqual([away(null), null]);
});
