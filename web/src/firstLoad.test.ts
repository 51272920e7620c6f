// Proves that the first load stays small: the script that runs before any page is shown, with the texts of one language,
// compressed as it is served.
import { gzipSync } from 'node:zlib';
import { build, type Rolldown } from 'vite';
import { expect, it } from 'vitest';
import { languageTags } from './messages/compile.js';

const MAX_GZIP_BYTES = 110_000;

it('the first load has at most 110 KB of script, and the stream engine is not in it', { timeout: 60_000 }, async () => {
  process.env['NODE_ENV'] = 'production';
  const { output } = (await build({ logLevel: 'silent', build: { write: false } })) as Rolldown.RolldownOutput;
  const chunks = new Map(output.flatMap((file) => (file.type === 'chunk' ? [[file.fileName, file]] : [])));
  const add = (name: string, names: Set<string>): Set<string> => {
    if (names.has(name)) return names;
    names.add(name);
    chunks.get(name)?.imports.forEach((other) => add(other, names));
    return names;
  };
  const firstLoad = new Set<string>();
  for (const chunk of chunks.values()) if (chunk.isEntry) add(chunk.fileName, firstLoad);
  const loaded = [...firstLoad].flatMap((name) => chunks.get(name) ?? []);
  const size = (chunk: Rolldown.OutputChunk): number => gzipSync(chunk.code, { level: 9 }).length;
  const sizeOf = (names: Iterable<string>): number => [...names].reduce((sum, name) => sum + size(chunks.get(name)!), 0);
  const catalogues = languageTags().map((tag) => {
    const own = [...chunks.values()].find((chunk) => chunk.moduleIds.some((id) => id.endsWith(`/messages/catalogues/${tag}.js`)));
    expect(firstLoad.has(own!.fileName), tag).toBe(false);
    return sizeOf([...add(own!.fileName, new Set())].filter((name) => !firstLoad.has(name)));
  });
  const bytes = sizeOf(firstLoad) + Math.max(...catalogues);
  console.info(`first load: ${bytes} bytes of script, of which ${Math.max(...catalogues)} are texts; ${chunks.size - loaded.length} files are loaded on demand`);
  expect(bytes).toBeGreaterThan(0);
  expect(bytes).toBeLessThanOrEqual(MAX_GZIP_BYTES);
  const modules = loaded.flatMap((chunk) => chunk.moduleIds);
  expect(modules.filter((id) => /node_modules\/(hls\.js|tus-js-client)\//.test(id))).toEqual([]);
});
