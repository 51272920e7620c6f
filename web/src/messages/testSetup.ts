// Owns that the unit tests see English, whatever the machine's language is.
import { setLanguage } from './language.svelte';

await setLanguage('en');
