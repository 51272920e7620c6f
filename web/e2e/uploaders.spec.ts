// Proves that an app on another origin uploads with tus-js-client and with Uppy, and is told why parallel parts are refused.
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { basename } from 'node:path';
import type { DetailedError } from 'tus-js-client';
import { build, type Rolldown } from 'vite';
import { ApiClient } from './apiClient';
import { expect, fleet, test } from './fixtures';
import type { uploaders } from './uploaders';

/** Serves the app: its page, its script, and a file that a member could have picked. */
async function serveApp(port: number, file: Buffer): Promise<Server> {
  const options = { entry: 'e2e/uploaders.ts', formats: ['es' as const], fileName: 'app' };
  const define = { 'process.env.NODE_ENV': '"production"' };
  const built = await build({ configFile: false, publicDir: false, logLevel: 'silent', define, build: { lib: options, write: false, minify: false } });
  const script = ([built].flat() as Rolldown.RolldownOutput[])[0]?.output[0].code ?? '';
  const content: Record<string, [type: string, body: string | Buffer]> = {
    '/': ['text/html', '<!doctype html><html lang="en"><title>Another app</title><link rel="icon" href="data:,"><script type="module" src="/app.js"></script></html>'],
    '/app.js': ['text/javascript', script],
    '/file': ['audio/mpeg', file],
  };
  const server = createServer((request, response) => {
    const [type, body] = content[request.url ?? ''] ?? ['text/plain', ''];
    response.writeHead(200, { 'Content-Type': type }).end(body);
  });
  await new Promise<void>((ready) => server.listen(port, '127.0.0.1', ready));
  return server;
}

test('an app on another origin uploads with tus-js-client and Uppy', async ({ page, server, files, member }) => {
  test.skip(Boolean(fleet), 'the allowed origin is set when the server starts');
  const client = await ApiClient.signUp(server.serverUrl, member);
  const app = await serveApp(server.appPort, await readFile(files.song));
  await page.goto(`http://127.0.0.1:${server.appPort}/`);
  await page.waitForFunction(() => 'uploaders' in globalThis);

  const results = await page.evaluate(
    async ({ endpoint, authorization, name }) => {
      const { Uppy, Tus, Upload } = (globalThis as unknown as { uploaders: typeof uploaders }).uploaders;
      const file = new File([await (await fetch('/file')).blob()], name, { type: 'audio/mpeg' });
      const common = { endpoint, headers: { authorization }, metadata: { filename: name, filetype: file.type }, retryDelays: null };

      const refused = await new Promise<string>((resolve) => {
        const onError = (error: Error | DetailedError): void => resolve(('originalResponse' in error && error.originalResponse?.getBody()) || error.message);
        new Upload(file, { ...common, parallelUploads: 2, onError, onSuccess: () => resolve('It was accepted.') }).start();
      });

      // The first chunk, then another object that continues with the URL alone.
      const url = await new Promise<string>((resolve, reject) => {
        const upload: InstanceType<typeof Upload> = new Upload(file, {
          ...common,
          chunkSize: 100_000,
          onError: reject,
          onChunkComplete: () => void upload.abort().then(() => resolve(upload.url ?? '')),
        });
        upload.start();
      });
      const resumed = await new Promise<{ id: string | undefined; from: number }>((resolve, reject) => {
        const sent: number[] = [];
        let id: string | undefined;
        new Upload(file, {
          ...common,
          uploadUrl: url,
          chunkSize: 100_000,
          onProgress: (bytes) => sent.push(bytes),
          onAfterResponse: (_request, response) => void (id = response.getHeader('Tutti-Media-Id') ?? id),
          onError: reject,
          onSuccess: () => resolve({ id, from: sent[0] ?? 0 }),
        }).start();
      });

      const uppy = new Uppy().use(Tus, { endpoint, headers: { authorization }, retryDelays: [] });
      uppy.addFile({ name: `uppy-${name}`, type: file.type, data: file });
      const uploaded = await uppy.upload();
      return { refused, resumed, failed: uploaded?.failed?.map((one) => String(one.error)), successful: uploaded?.successful?.length };
    },
    { endpoint: `${server.serverUrl}/v1/uploads`, authorization: `Bearer ${client.token}`, name: basename(files.song) },
  );

  expect(results.refused).toContain('parallelUploads');
  expect(results.resumed.from).toBeGreaterThanOrEqual(100_000);
  expect([results.failed, results.successful]).toEqual([[], 1]);
  const items = await client.list();
  expect(items.map((item) => item.name).sort()).toEqual([`uppy-${basename(files.song)}`, basename(files.song)].sort());
  expect(items.map((item) => item.id)).toContain(results.resumed.id);
  await new Promise((done) => {
    app.close(done);
    app.closeAllConnections();
  });
});
