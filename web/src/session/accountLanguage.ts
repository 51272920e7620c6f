// Owns that the page speaks the language of the member's account. Does not own how the language is changed or remembered in
// this browser: messages/language.svelte.ts does. Invariant: nothing here throws: the page goes on in the language that it has.
import { setLanguage } from '../messages/language.svelte';
import { findLanguage } from '../messages/languages';

/** Changes to the language of an account, if the page has it. Returns `false` if it could not be loaded. */
export async function speakAccountLanguage(locale: string): Promise<boolean> {
  if (!findLanguage([locale])) return true;
  return setLanguage(locale).then(() => true, () => false);
}
