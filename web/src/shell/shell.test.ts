// Proves what the service worker keeps of a build.
import { existsSync } from 'node:fs';
import { build, type Rolldown } from 'vite';
import { expect, it } from 'vitest';
import { shellFiles } from './shellFiles';

it('a version belongs to one content', () => {
  const files = [{ fileName: 'index.html', content: '<p>' }, { fileName: 'assets/a-1.js', content: 'a' }];
  const { version } = shellFiles(files);
  expect(shellFiles([...files].reverse()).version).toBe(version);
  expect(shellFiles([{ fileName: 'index.html', content: '<b>' }, files[1]!]).version).not.toBe(version);
});

it('keeps every file that the page is made of, and nothing that only the server can use', { timeout: 60_000 }, async () => {
  const { output } = (await build({ logLevel: 'silent', build: { write: false } })) as Rolldown.RolldownOutput;
  const worker = output.find((file) => file.fileName === 'sw.js');
  const source = worker?.type === 'asset' ? String(worker.source) : '';
  const { files, version } = JSON.parse(/^const BUILD = (.*);$/m.exec(source)?.[1] ?? '{}') as { files: string[]; version: string };
  expect(version).toMatch(/^[0-9a-f]{16}$/);
  const chunks = output.flatMap((file) => (file.type === 'chunk' ? [file] : []));
  for (const chunk of chunks) expect(files.includes(`/${chunk.fileName}`), chunk.fileName).toBe(!chunk.moduleIds.some((id) => id.includes('/hls.js/')));
  expect(files).toContain('/index.html');
  for (const file of files) {
    expect(file).toMatch(/^\/(assets\/|icons\/)?[\w.-]+$/);
    const isBuilt = output.some(({ fileName }) => `/${fileName}` === file);
    expect(isBuilt || existsSync(`public${file}`), file).toBe(true);
  }
});
