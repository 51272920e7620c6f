// Owns how the page and the operators' console (`--mode console`) are built, tested and, while developing, joined to a running
// server. They are two builds, so that neither has a file of the other.
// Invariant: nothing is inlined into the documents, so they run under `script-src 'self'; style-src 'self'`.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';
import { compileMessages, OUT_DIR } from './src/messages/compile.js';
import { pseudoLocalize } from './src/messages/pseudo.js';
import { PUBLIC_FILES, shellFiles } from './src/shell/shellFiles';

/** The mode of the console's build. */
const CONSOLE = 'console';
const CONSOLE_DOCUMENT = 'console.html';
/** What the service worker is made of. */
const WORKER_SOURCES = ['src/shell/serviceWorker.js', 'src/push/worker.js'];
/** A build where all languages have the texts of the pseudo-locale, for e2e/pseudoLocale.ts: it lies beside the ordinary one and is never shipped. */
const isPseudo = process.env['TUTTI_LOCALE'] === 'en-XA';
const pseudoDir = process.env['TUTTI_PSEUDO_DIR'] ?? 'node_modules/.pseudo';
const messagesDir = isPseudo ? resolve(pseudoDir, 'messages') : OUT_DIR;

export default defineConfig(({ mode }) => ({
  plugins: [messages(), svelte(), mode === CONSOLE ? consoleDocument() : serviceWorker()],
  resolve: {
    alias: [
      { find: /^#messages\/(.+)$/, replacement: `${messagesDir.replace(/\/$/, '')}/$1.js` },
      { find: /^#src\//, replacement: `${resolve('src')}/` },
    ],
  },
  build: {
    target: 'es2022',
    outDir: isPseudo ? `${pseudoDir}/dist` : 'dist',
    // Fonts and pictures stay files: data: URLs would need a weaker font-src.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The console's build is the second one, beside the files of the first.
    ...(mode === CONSOLE ? { assetsDir: 'assets/console', emptyOutDir: false, copyPublicDir: false } : {}),
    // hls.js is one large lazily loaded chunk; nothing else comes near this.
    chunkSizeWarningLimit: 700,
    rolldownOptions: { checks: { pluginTimings: false }, ...(mode === CONSOLE ? { input: CONSOLE_DOCUMENT } : {}) },
  },
  server: { proxy: { '/v1': serverUrl(mode), '/.well-known': serverUrl(mode) } },
  test: { include: ['src/**/*.test.ts'], environment: 'node', setupFiles: ['src/messages/testSetup.ts'], testTimeout: 60_000 },
}));

/** The server that `npm run dev` is joined to: the public listener, or that of operators. */
const serverUrl = (mode: string): string => process.env['TUTTI_URL'] ?? `http://127.0.0.1:${mode === CONSOLE ? 8082 : 8080}`;

/** While developing, shows the console at every path, as the operators' listener does. */
function consoleDocument(): Plugin {
  return {
    name: 'tutti-console',
    configureServer: ({ middlewares }) => {
      middlewares.use((request, _response, next) => {
        if (request.headers.accept?.includes('text/html')) request.url = `/${CONSOLE_DOCUMENT}`;
        next();
      });
    },
  };
}

/** Compiles the texts before anything imports them, and again when one changes. */
function messages(): Plugin {
  const compile = (): void => (isPseudo ? compileMessages(messagesDir, pseudoLocalize) : compileMessages());
  compile();
  return {
    name: 'tutti-messages',
    configureServer: ({ watcher }) => {
      watcher.on('change', (path) => {
        if (/src\/messages\/\w+\/\w+\.json$/.test(path.replaceAll('\\', '/'))) compile();
      });
    },
  };
}

/** Writes `sw.js`: the service worker, and the list of the files of this build that it keeps. */
function serviceWorker(): Plugin {
  return {
    name: 'tutti-service-worker',
    apply: 'build',
    enforce: 'post',
    generateBundle(_options, bundle) {
      const built = Object.values(bundle).map((file) => ({ fileName: file.fileName, content: file.type === 'chunk' ? file.code : file.source }));
      const files = PUBLIC_FILES.map((fileName) => ({ fileName, content: readFileSync(`public/${fileName}`) }));
      const worker = WORKER_SOURCES.map((path) => readFileSync(path, 'utf8')).join('\n');
      const source = `const BUILD = ${JSON.stringify(shellFiles([...built, ...files]))};\n${worker}`;
      this.emitFile({ type: 'asset', fileName: 'sw.js', source });
    },
  };
}
