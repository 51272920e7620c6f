// Proves how conversations are called, what a message is in one line, and what is read of texts: handles, shared posts.
import { expect, it } from 'vitest';
import { Problem } from '../api/problem';
import { problemSentence, refusalOf } from '../api/refusals';
import type { ConversationMember } from '../api/types';
import { setLanguage } from '../messages/language.svelte';
import { handlesOf } from './handles';
import { conversationName, summaryOf } from './names';
import { sharedPosts, shareText } from './sharedPosts';
import { stateAfter } from './unsent';
import { verdictSentence } from './verdicts';
import { fileType, voiceFormat, voiceName } from './voiceNote';

const member = (account: string, display_name: string | null = null): ConversationMember => ({ account, handle: account, display_name, avatar: null, admin: false, read_seq: 0, delivered_seq: 0, presence: null });
const POST = '0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60';

it('a conversation is called by the other member, the group by its name or by who is in it', () => {
  const members = [member('me'), member('bob', 'Bob B.'), member('eve')];
  expect(conversationName({ kind: 'pair', name: null, members: members.slice(0, 2) }, 'me')).toBe('Bob B.');
  expect(conversationName({ kind: 'group', name: 'Choir', members }, 'me')).toBe('Choir');
  expect(conversationName({ kind: 'group', name: null, members }, 'me')).toBe('Bob B., eve');
  expect(conversationName({ kind: 'pair', name: null, members: [member('me'), { ...member('x'), handle: null }] }, 'me')).toBe('Former member');
});

it('a message in one line is its text, or what it has instead', () => {
  expect(summaryOf({ state: 'sent', text: 'Hello', media_count: 1 })).toBe('Hello');
  expect(summaryOf({ state: 'sent', text: '', media_count: 2 })).toBe('2 items');
  expect(summaryOf({ state: 'removed', text: '', media_count: 0 })).toBe('This message was deleted.');
});

it('handles are read with and without their sign, each once', () => {
  expect(handlesOf(' @ada, Bob\n@ADA;eve.x ')).toEqual(['ada', 'bob', 'eve.x']);
  expect(handlesOf(' ,@ ')).toEqual([]);
});

it('a shared post is one of this site, by its plain link', () => {
  const origin = 'https://tutti.example';
  expect(sharedPosts(`Look: ${shareText(POST, origin)}, and again ${shareText(POST, origin)}.`, origin)).toEqual([POST]);
  // Another site, a link with a token, a longer path.
  for (const text of [`https://evil.example/p/${POST}`, `${origin}/p/${POST}?link=x`, `${origin}/p/${POST}/x`, `https://evil.example/${origin}/p/${POST}`, `${origin}/p/x`]) expect(sharedPosts(text, origin), text).toEqual([]);
});

it('a refusal is not sent again, and has its reason in the language of the page', async () => {
  const refused = new Problem(403, 'chat.refused', 'Many links.', null, { reason: 'screening.many_links', can_appeal: true, verdict: 'v' });
  expect([stateAfter(refused), stateAfter(new Problem(429, 'chat.slow_down', 'Wait.')), stateAfter(new Problem(0, 'net.unreachable', 'Away.')), stateAfter(new Problem(503, 'server.unavailable', 'Away.'))]).toEqual(['refused', 'failed', 'failed', 'failed']);
  expect(refusalOf(refused)).toEqual({ appealTo: 'v', reason: 'screening.many_links' });
  expect(refusalOf(new TypeError('x'))).toEqual({ appealTo: null, reason: null });
  expect(problemSentence(refused)).toBe('Many links.');
  await setLanguage('fr');
  expect(problemSentence(refused)).toMatch(/^C’est beaucoup de liens/);
  expect(verdictSentence({ id: null, outcome: 'request_box', reason: 'screening.of_tomorrow', sentence: 'New.', can_appeal: false })).toBe('New.');
  await setLanguage('en');
});

it('a voice note has the first format that the browser records', () => {
  expect(voiceFormat((type) => type.startsWith('audio/webm'))).toBe('audio/webm;codecs=opus');
  expect(voiceFormat(() => false)).toBeNull();
  expect([voiceName('audio/mp4;codecs=mp4a.40.2', new Date('2026-05-04T18:30:00Z')), fileType('audio/webm;codecs=opus')]).toEqual(['2026-05-04 18-30-00.m4a', 'audio/webm']);
});
