// Owns how the page is built, tested and, while developing, joined to a running server.
// Invariant: nothing is inlined into index.html, so the page runs under `script-src 'self'; style-src 'self'`.
import { resolve } from 'node:path';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';
import { compileMessages, OUT_DIR } from './src/messages/compile.js';
import { pseudoLocalize } from './src/messages/pseudo.js';

const server = process.env['TUTTI_URL'] ?? 'http://127.0.0.1:8080';
/** A build in the pseudo-locale, for e2e/pseudoLocale.spec.ts: it lies beside the ordinary one and is never shipped. */
const isPseudo = process.env['TUTTI_LOCALE'] === 'en-XA';
const messagesDir = isPseudo ? resolve('node_modules/.pseudo/messages') : OUT_DIR;

export default defineConfig({
  plugins: [messages(), svelte()],
  resolve: { alias: [{ find: /^#messages\/(.+)$/, replacement: `${messagesDir.replace(/\/$/, '')}/$1.js` }] },
  build: {
    target: 'es2022',
    outDir: isPseudo ? 'node_modules/.pseudo/dist' : 'dist',
    // Fonts and pictures stay files: data: URLs would need a weaker font-src.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // hls.js is one large lazily loaded chunk; nothing else comes near this.
    chunkSizeWarningLimit: 700,
    rolldownOptions: { checks: { pluginTimings: false } },
  },
  server: { proxy: { '/v1': server, '/.well-known': server } },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});

/** Compiles the texts before anything imports them, and again when one changes. */
function messages(): Plugin {
  const compile = (): void => (isPseudo ? compileMessages(messagesDir, pseudoLocalize) : compileMessages());
  compile();
  return {
    name: 'tutti-messages',
    configureServer: ({ watcher }) => {
      watcher.on('change', (path) => {
        if (/src\/messages\/en\/\w+\.json$/.test(path.replaceAll('\\', '/'))) compile();
      });
    },
  };
}
