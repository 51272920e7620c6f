// Proves that the first load stays small: the script that runs before any page is shown, compressed as it is served.
import { gzipSync } from 'node:zlib';
import { build, type Rolldown } from 'vite';
import { expect, it } from 'vitest';

const MAX_GZIP_BYTES = 110_000;

it('the first load has at most 110 KB of script, and the stream engine is not in it', { timeout: 60_000 }, async () => {
  process.env['NODE_ENV'] = 'production';
  const { output } = (await build({ logLevel: 'silent', build: { write: false } })) as Rolldown.RolldownOutput;
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
  console.info(`first load: ${bytes} bytes of script in ${loaded.length} files; ${chunks.size - loaded.length} files are loaded on demand`);
  expect(bytes).toBeGreaterThan(0);
  expect(bytes).toBeLessThanOrEqual(MAX_GZIP_BYTES);
  const modules = loaded.flatMap((chunk) => chunk.moduleIds);
  expect(modules.filter((id) => /node_modules\/(hls\.js|tus-js-client)\//.test(id))).toEqual([]);
});
