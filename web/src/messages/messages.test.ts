// Proves that the texts compile, that the page uses each of them, that every language has all of them in full, and that the
// pseudo-locale changes text and nothing else.
import { readdirSync, readFileSync } from 'node:fs';
import { parse, type Token } from '@messageformat/parser';
import ts from 'typescript';
import { afterEach, expect, it } from 'vitest';
import uploadMessages from '#messages/upload';
import { errorMessage, Problem } from '../api/problem';
import { argumentTypes, ENGLISH_ONLY, languageTags, PROBLEMS, readMessages } from './compile.js';
import { setLanguage } from './language.svelte';
import { LANGUAGES } from './languages';
import { pseudoLocalize } from './pseudo.js';

/** Texts that are the same in English and in another language. */
const SAME: Record<string, readonly string[]> = {
  fr: ['account.email', 'albums.description', 'apiKeys.tagAlbums', 'apiKeys.tagChat', 'apiKeys.tagNotifications', 'chat.message', 'chat.title', 'factors.code', 'layout.albums', 'layout.pages', 'library.photos', 'media.description', 'media.public', 'notifications.kindMessaged', 'player.volume'],
  es: ['player.speedNormal'],
  // Keyboards for Arabic have the English names.
  ar: ['player.keyHome', 'player.keyEnd'],
};
/** Codes that the page never meets: it sends what they ask for, or asks nothing of that kind. */
const CODES_FOR_PROGRAMS = [
  'request.malformed', 'request.not_json', 'request.content_encoding', 'request.method_not_allowed', 'request.not_acceptable', 'request.url_too_long',
  'request.idempotency_key_reused', 'request.bad_idempotency_key', 'request.head_too_large', 'request.too_many_headers', 'auth.cross_site',
  'auth.unknown_token_transport', 'accounts.unknown_role', 'media.bad_digest', 'media.unsupported_content_encoding', 'media.bad_upload_request',
  'media.not_offset_stream', 'media.tus_version', 'oembed.not_found', 'oembed.no_such_format',
  // Of API keys, and of the operators' listener.
  'auth.scope', 'auth.role_required', 'auth.operators_session_required',
  'auth.second_factor_required', 'accounts.invalid_sanction', 'accounts.beyond_role', 'accounts.own_operator_role', 'admin.dead_letter_not_found',
  'accounts.flag_not_found', 'auth.on_behalf_of', 'accounts.role_needs_factor', 'admin.job_not_found', 'mails.not_found', 'mails.not_dead',
  'media.no_such_member', 'media.not_failed', 'media.no_such_listed_picture', 'media.bad_hash_list', 'media.hash_list_full', 'webhooks.not_found', 'webhooks.delivery_not_found', 'webhooks.disabled', 'webhooks.invalid',
  'webhooks.invalid_url', 'webhooks.too_many', 'social.no_such_report', 'social.report_closed', 'social.invalid_decision',
  'moderation.no_such_case', 'moderation.claimed', 'moderation.not_claimed', 'moderation.decided_already', 'moderation.own_case', 'moderation.beyond_role', 'moderation.invalid_decision',
  // The player gets these of a playlist, and its page reads the thread again; the page asks for the feed alone, not for the first screen.
  'social.programme_changed', 'social.programme_not_ready', 'home.wrong_cursor',
  // A stream that is refused is opened again by itself, and what has changed otherwise is read again.
  'notify.invalid_mark', 'notify.too_many_streams', 'chat.too_many_streams', 'chat.changes_reset', 'chat.not_a_websocket',
  // Of devices that notifications are pushed to: the page asks first whether browsers are, and sends what the browser has made.
  'notify.no_such_device', 'notify.invalid_device', 'notify.no_push_key',
  // Of announcements, at the operators' listener.
  'notify.no_such_announcement', 'notify.invalid_announcement', 'notify.too_many_announcements',
];

const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.(svelte|ts)$/.test(path) && !/\.(test|d)\.ts$/.test(path))
  .map((path) => readFileSync(`src/${path}`, 'utf8'));
const english = readMessages();
/** What every language has. */
const translated = Object.fromEntries(Object.entries(english).filter(([feature]) => !ENGLISH_ONLY.includes(feature)));
const translations = languageTags().filter((tag) => tag !== 'en');

const keysOf = (messages: Record<string, Record<string, string>>): string[] =>
  Object.entries(messages).flatMap(([feature, texts]) => Object.keys(texts).map((key) => `${feature}.${key}`)).sort();

/** Every text of a language beside the English one. */
const pairs = (tag: string): { name: string; source: string; text: string }[] => {
  const own = readMessages(tag);
  return Object.entries(translated).flatMap(([feature, texts]) =>
    Object.entries(texts).flatMap(([key, source]) => {
      const text = own[feature]?.[key];
      return text === undefined ? [] : [{ name: `${feature}.${key}`, source, text }];
    }),
  );
};

/** The cases of every plural in a text, without those of one number. */
const pluralCases = (tokens: Token[]): string[][] =>
  tokens.flatMap((token) => {
    if (!('cases' in token)) return [];
    const inner = token.cases.flatMap((one) => pluralCases(one.tokens));
    return token.type === 'plural' ? [token.cases.map(({ key }) => key).filter((key) => !key.startsWith('=')), ...inner] : inner;
  });

afterEach(() => setLanguage('en'));

it('every text is used by the page', () => {
  const unused: string[] = [];
  for (const [feature, texts] of Object.entries(english)) {
    if (feature === PROBLEMS) continue;
    const users = sources.flatMap((source) => {
      const name = new RegExp(`import (\\w+) from '#messages/${feature}'`).exec(source)?.[1];
      return name ? [{ source, name }] : [];
    });
    for (const key of Object.keys(texts)) {
      if (!users.some(({ source, name }) => new RegExp(`\\b${name}\\.${key}\\b`).test(source))) unused.push(`${feature}.${key}`);
    }
  }
  expect(unused).toEqual([]);
});

/** Calls of texts that run once: outside of all functions and of `$derived`. */
function textsTakenOnce(source: string): string[] {
  const script = /<script[^>]*>([^]*)<\/script>/.exec(source)?.[1] ?? source;
  const names = [...script.matchAll(/import (\w+) from '#messages\//g)].map((match) => match[1]);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) return;
    if (ts.isCallExpression(node)) {
      if (/^\$derived\b/.test(node.expression.getText())) return;
      if (ts.isPropertyAccessExpression(node.expression) && names.includes(node.expression.expression.getText())) found.push(node.getText());
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('source.ts', script, ts.ScriptTarget.Latest, true));
  return found;
}

it('no text is taken once and kept: it would stay in the language of that moment', () => {
  const imported = "import m from '#messages/ui';\n";
  expect(textsTakenOnce(`${imported}const LABELS = [{ label: m.close() }];`)).toEqual(['m.close()']);
  expect(textsTakenOnce(`${imported}const LABEL = m.close; const label = $derived(m.close()); const of = () => m.close();`)).toEqual([]);
  expect(sources.flatMap(textsTakenOnce)).toEqual([]);
});

it('every language that can be chosen has a folder, and every folder a language', () => {
  expect(LANGUAGES.map(({ tag }) => tag).sort()).toEqual(languageTags());
});

it.each(translations)('%s has every text', (tag) => {
  expect(keysOf(readMessages(tag))).toEqual(keysOf(translated));
});

it.each(translations)('%s has the values of every text', (tag) => {
  const argumentNames = (text: string): string[] => [...argumentTypes(parse(text)).keys()].sort();
  for (const { name, source, text } of pairs(tag)) expect(argumentNames(text), name).toEqual(argumentNames(source));
});

it.each(['en', ...translations])('%s has the cases that its plurals need', (tag) => {
  const categories = new Intl.PluralRules(tag).resolvedOptions().pluralCategories.slice().sort();
  for (const { name, text } of pairs(tag)) for (const cases of pluralCases(parse(text))) expect(cases.slice().sort(), name).toEqual(categories);
});

it.each(translations)('%s is not English', (tag) => {
  const words = (text: string): string => text.replaceAll('Tutti', '').replace(/\{[^{}]*\}/g, '').replace(/[^\p{Letter}]/gu, '');
  const same = pairs(tag).filter(({ source, text }) => text === source && words(text).length > 1);
  expect(same.map(({ name }) => name).sort()).toEqual([...(SAME[tag] ?? [])].sort());
});

it('every code of the server that a person can meet has a sentence', () => {
  const documented = [...readFileSync('../docs/errors.md', 'utf8').matchAll(/^\| `([\w.]+)` \|/gm)].map((match) => match[1] ?? '');
  expect(documented.length).toBeGreaterThan(50);
  const known = Object.keys(english[PROBLEMS] ?? {});
  expect([...new Set(documented)].filter((code) => !known.includes(code)).sort()).toEqual([...CODES_FOR_PROGRAMS].sort());
  // Reasons of failed conversions are in an item, and reasons of verdicts beside a code, not in its place.
  expect(known.filter((code) => !documented.includes(code) && !/^(transcode|screening)\./.test(code))).toEqual([]);
  const reasons = [...readFileSync('../screening/src/reason.rs', 'utf8').matchAll(/"(screening\.\w+)", (?:true|false)/g)].map((match) => match[1] ?? '');
  expect(known.filter((code) => code.startsWith('screening.')).sort()).toEqual(reasons.sort());
});

it('a problem has the sentence of the language; in English, and for an unknown code, that of the server', async () => {
  const problem = new Problem(403, 'media.quota_bytes', 'Your 5 GB are used up.');
  expect(errorMessage(problem)).toBe('Your 5 GB are used up.');
  await setLanguage('es');
  expect(errorMessage(problem)).toBe(readMessages('es')[PROBLEMS]?.['media.quota_bytes']);
  expect(errorMessage(new Problem(418, 'tea.pot', 'Tea only.'))).toBe('Tea only.');
  // Until when, and why, only the server knows.
  expect(errorMessage(new Problem(403, 'auth.suspended', 'Until Monday.'))).toBe('Esta cuenta está suspendida. El servidor dice: «\u2068Until Monday.\u2069»');
  expect(errorMessage(new Problem(500, 'server.fault', 'It failed.', 'abc'))).toMatch(/^El servidor ha fallado.*abc\)$/);
  // What operators have switched off is no fault: the sentence alone.
  expect(errorMessage(new Problem(503, 'tea.off', 'Tea is switched off.', 'abc'))).toBe('Tea is switched off.');
});

it('plural rules apply', async () => {
  const uploaded = (count: number): string => uploadMessages.uploaded({ count });
  expect([1, 2, 1200].map((count) => uploadMessages.needYourAction({ count }))).toEqual([
    '1 upload needs your action',
    '2 uploads need your action',
    '1,200 uploads need your action',
  ]);
  await setLanguage('fr');
  expect([0, 1, 2, 1_000_000].map(uploaded)).toEqual(['0 fichier envoyé', '1 fichier envoyé', '2 fichiers envoyés', '1\u202f000\u202f000 de fichiers envoyés']);
  await setLanguage('ar');
  expect(new Set([0, 1, 2, 3, 11, 100].map(uploaded)).size).toBe(6);
});

it('a text that was taken in one language is said in the next', async () => {
  const { clear } = uploadMessages;
  expect(clear()).toBe('Clear');
  await setLanguage('fr');
  expect(clear()).toBe('Effacer');
});

it('a value in a text that runs right to left is isolated from it', async () => {
  expect(uploadMessages.uploadOf({ name: 'sea.jpg' })).toBe('Upload of sea.jpg');
  await setLanguage('ar');
  expect(uploadMessages.uploadOf({ name: 'sea.jpg' })).toContain('\u2068sea.jpg\u2069');
});

it('the pseudo-locale accents text and keeps arguments, cases and quotes', () => {
  expect(pseudoLocalize('Paused at {percent, number, ::percent} of {size}')).toBe('[Þåûšéð åţ {percent, number, ::percent} öƒ {size}]');
  expect(pseudoLocalize('{count, plural, one {# file} other {# files}}')).toBe('[{count, plural, one {# ƒîļé} other {# ƒîļéš}}]');
  expect(pseudoLocalize("it''s '{'")).toBe("[îţ''š '{']");
  for (const texts of Object.values(english)) for (const text of Object.values(texts)) parse(pseudoLocalize(text));
});
