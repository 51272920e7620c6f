// Owns which verdicts the member has appealed since the page was loaded: a verdict is appealed once.
import { SvelteSet } from 'svelte/reactivity';
import { session } from '../session/session.svelte';

export const appealed = new SvelteSet<string>();

session.onChange(() => appealed.clear());
