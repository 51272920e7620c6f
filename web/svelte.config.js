// Owns the options of the Svelte compiler. Runes everywhere: a component without them fails to compile.
import { vitePreprocess } from '@sveltejs/vite-plugin-svelte';

export default {
  preprocess: vitePreprocess(),
  compilerOptions: { runes: true },
};
