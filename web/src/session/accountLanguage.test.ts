// Proves that the page speaks the language of the account, keeps there what is chosen on the page, and goes on where that fails.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { language, setLanguage } from '../messages/language.svelte';
import { keepChosenLanguage, speakAccountLanguage } from './accountLanguage';

const world = vi.hoisted(() => ({
  session: { account: null as { id: string; locale: string } | null },
  sent: [] as string[],
  respond: async (): Promise<void> => undefined,
}));

vi.mock('./session.svelte', () => ({ session: world.session }));
vi.mock('../api/client', () => ({
  api: {
    PATCH: async (_path: string, { body }: { body: { locale: string } }) => {
      world.sent.push(body.locale);
      const { account } = world.session;
      await world.respond();
      return { ...account, locale: body.locale };
    },
  },
  readBody: <T>(call: Promise<T>) => call,
}));

beforeEach(() => {
  vi.stubGlobal('navigator', { languages: ['en-GB', 'fr-CA'] });
  world.session.account = { id: 'ada', locale: 'en-US' };
  world.sent = [];
  world.respond = async () => undefined;
});

afterEach(async () => {
  vi.unstubAllGlobals();
  await setLanguage('en');
});

async function choose(tag: string): Promise<void> {
  await setLanguage(tag);
  await keepChosenLanguage();
}

it('the language of the account is spoken, for its region', async () => {
  await speakAccountLanguage('es-MX');
  expect([language.tag, language.regionalTag]).toEqual(['es', 'es-MX']);
  await speakAccountLanguage('en-US');
  expect([language.tag, language.regionalTag]).toEqual(['en', 'en-US']);
});

it('an account in a language that the page lacks changes nothing', async () => {
  await setLanguage('ar');
  await speakAccountLanguage('de-AT');
  expect(language.tag).toBe('ar');
});

it('a language that is chosen is kept in the account', async () => {
  await choose('fr');
  expect(world.sent).toEqual(['fr-CA']);
  expect(world.session.account?.locale).toBe('fr-CA');
});

it('a locale of the account that fits stays as it is, and without an account nothing is sent', async () => {
  await choose('en');
  world.session.account = null;
  await choose('es');
  expect(world.sent).toEqual([]);
});

it('of two choices the last one is kept, and an older one does not come back', async () => {
  let respond = (): void => undefined;
  world.respond = () => new Promise((resolve) => (respond = resolve));
  await setLanguage('fr');
  const first = keepChosenLanguage();
  await vi.waitFor(() => expect(world.sent).toHaveLength(1));
  await setLanguage('ar');
  const second = keepChosenLanguage();
  await speakAccountLanguage('fr-CA');
  expect(language.tag).toBe('ar');
  world.respond = async () => undefined;
  respond();
  await Promise.all([first, second]);
  expect(world.sent).toEqual(['fr-CA', 'ar']);
  expect(world.session.account?.locale).toBe('ar');
});

it('where the account cannot be changed, the page keeps its language', async () => {
  world.respond = () => Promise.reject(new TypeError('the server is away'));
  await choose('es');
  expect([language.tag, world.session.account?.locale]).toEqual(['es', 'en-US']);
  world.respond = async () => undefined;
  await choose('fr');
  expect(world.session.account?.locale).toBe('fr-CA');
});

it('who signs out meanwhile stays signed out', async () => {
  world.respond = async () => void (world.session.account = null);
  await choose('fr');
  expect(world.session.account).toBeNull();
});
