// Owns that the page speaks the language of the member's account, and that a language that is chosen on the page is kept
// there. Does not own how the language is changed or remembered in this browser: messages/language.svelte.ts does.
// Invariant: nothing here fails: the page goes on in the language that it has.
import { api, readBody } from '../api/client';
import { language, setLanguage } from '../messages/language.svelte';
import { findLanguage } from '../messages/languages';
import { session } from './session.svelte';

/** The choices are kept one after the other, so that the last one stays. */
let keeping: Promise<void> = Promise.resolve();
let unkeptCount = 0;

/** Changes to the language of an account, if the page has it. A choice that is not kept yet is newer, and stays. */
export async function speakAccountLanguage(locale: string): Promise<void> {
  if (unkeptCount > 0 || !findLanguage([locale])) return;
  await setLanguage(locale).catch(() => undefined);
}

/** Keeps the language that the page speaks in the account of the member, if one is signed in. */
export function keepChosenLanguage(): Promise<void> {
  unkeptCount += 1;
  keeping = keeping
    .then(keep)
    .catch(() => undefined)
    .finally(() => (unkeptCount -= 1));
  return keeping;
}

async function keep(): Promise<void> {
  const { account } = session;
  // A newer choice is kept in its turn. A locale that fits may say more than the page knows, such as a region.
  if (unkeptCount > 1 || !account || (account.locale && findLanguage([account.locale])?.tag === language.tag)) return;
  const changed = await readBody(api.PATCH('/v1/me', { body: { locale: language.regionalTag } }));
  // The member may have signed out meanwhile.
  if (session.account?.id === changed.id) session.account = changed;
}
