// Proves that the console and the members' page share no file, and that the console's first load stays small.
import { gzipSync } from 'node:zlib';
import { build, type Rolldown } from 'vite';
import { expect, it } from 'vitest';

const MAX_GZIP_BYTES = 60_000;

type Built = Rolldown.RolldownOutput['output'];

async function built(mode: 'production' | 'console'): Promise<Built> {
  process.env['NODE_ENV'] = 'production';
  return ((await build({ mode, logLevel: 'silent', build: { write: false } })) as Rolldown.RolldownOutput).output;
}

const modules = (output: Built): string[] => output.flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []));

it('the console is a build of its own, below assets/console', async () => {
  const output = await built('console');
  const others = output.map(({ fileName }) => fileName).filter((name) => !name.startsWith('assets/console/'));
  expect(others).toEqual(['console.html']);
  const foreign = /\/src\/(library|player|upload|media|albums|trash|shell\/serviceWorker)\/|\/src\/(routes|App|main)\.|hls\.js|tus-js-client/;
  expect(modules(output).filter((id) => foreign.test(id))).toEqual([]);

  const chunks = new Map(output.flatMap((file) => (file.type === 'chunk' ? [[file.fileName, file]] : [])));
  const firstLoad = new Set<string>();
  const add = (name: string): void => {
    if (firstLoad.has(name)) return;
    firstLoad.add(name);
    chunks.get(name)?.imports.forEach(add);
  };
  for (const chunk of chunks.values()) if (chunk.isEntry) add(chunk.fileName);
  const loaded = [...firstLoad].flatMap((name) => chunks.get(name) ?? []);
  const bytes = loaded.reduce((sum, chunk) => sum + gzipSync(chunk.code, { level: 9 }).length, 0);
  console.info(`first load of the console: ${bytes} bytes of script in ${loaded.length} files`);
  expect(bytes).toBeGreaterThan(0);
  expect(bytes).toBeLessThanOrEqual(MAX_GZIP_BYTES);
  // Each page is loaded with its first visit.
  expect(loaded.flatMap(({ moduleIds }) => moduleIds).filter((id) => /\/console\/.*Page\.svelte$/.test(id))).toEqual([]);
});

it('the members’ page has nothing of the console', async () => {
  const output = await built('production');
  expect(modules(output).filter((id) => id.includes('/src/console/') || id.endsWith('/messages/console.js'))).toEqual([]);
  expect(output.map(({ fileName }) => fileName).filter((name) => name.includes('console'))).toEqual([]);
});
