// Owns the compiler's options. Runes everywhere: a component that forgets one fails to compile.
import { vitePreprocess } from '@sveltejs/vite-plugin-svelte';

export default {
  preprocess: vitePreprocess(),
  compilerOptions: { runes: true },
};
