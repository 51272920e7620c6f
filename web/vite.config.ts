// Owns how the page is built, tested and, while developing, joined to a running server.
// Invariant: nothing is inlined into index.html, so the page runs under `script-src 'self'; style-src 'self'`.
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

const server = process.env['TUTTI_URL'] ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [svelte()],
  build: {
    target: 'es2022',
    // Fonts and pictures stay files: data: addresses would need a weaker font-src.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // hls.js is one large lazily loaded chunk; nothing else comes near this.
    chunkSizeWarningLimit: 700,
    rolldownOptions: { checks: { pluginTimings: false } },
  },
  server: { proxy: { '/v1': server, '/.well-known': server } },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
