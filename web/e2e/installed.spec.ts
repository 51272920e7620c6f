// Proves that the page can be installed, opens without a server and goes on with it, keeps nothing of a member, and is
// replaced cleanly by a new build.
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Page } from '@playwright/test';
import { expect, fleet, openItem, test, untilInstalled } from './fixtures';

test.use({ serviceWorkers: 'allow' });

const caches = (page: Page): Promise<string[]> => page.evaluate(() => globalThis.caches.keys());
const keptFiles = (page: Page): Promise<string[]> =>
  page.evaluate(async () => {
    const paths: string[] = [];
    for (const name of await globalThis.caches.keys()) for (const request of await (await globalThis.caches.open(name)).keys()) paths.push(new URL(request.url).pathname);
    return paths;
  });

test('the browser takes the page for one that can be installed', async ({ page }) => {
  await page.goto('/');
  const devtools = await page.context().newCDPSession(page);
  const { errors, data } = await devtools.send('Page.getAppManifest');
  expect(errors).toEqual([]);
  const manifest = JSON.parse(data ?? '{}') as { name: string; icons: { src: string; sizes: string; type: string }[] };
  expect(manifest.name).toBe('Tutti');
  for (const icon of manifest.icons) {
    const response = await page.request.get(icon.src);
    expect([response.status(), response.headers()['content-type']]).toEqual([200, icon.type]);
    if (icon.type === 'image/png') expect(icon.sizes).toBe(`${(await response.body()).readUInt32BE(16)}x${(await response.body()).readUInt32BE(20)}`);
  }
});

test('without its server the page opens, says so, and goes on by itself', async ({ home, server, browser, serverUrl }) => {
  test.skip(fleet !== undefined, 'a fleet is killed by the tests of the binary');
  await untilInstalled(home);
  const context = await browser.newContext({ baseURL: serverUrl, serviceWorkers: 'allow' });
  const visitor = await context.newPage();
  await visitor.goto('/');
  await untilInstalled(visitor);
  await server.stop('SIGTERM');
  for (const page of [home, visitor]) {
    await page.reload();
    await expect(page.getByRole('heading', { name: 'Tutti cannot be reached' })).toBeVisible();
    await expect(page.getByText('The server is away, or this device is offline.')).toBeVisible();
  }
  await server.start();
  await expect(home.getByText('Your library is empty')).toBeVisible();
  await expect(visitor.getByRole('heading', { name: 'Everyone plays.' })).toBeVisible();
  await context.close();
});

test('the service worker keeps the page’s own files and nothing of a member', async ({ library: home, files }) => {
  await untilInstalled(home);
  for (const file of [files.photo, files.song]) {
    await home.goto('/');
    await openItem(home, basename(file));
  }
  await home.goto('/settings');
  await expect(home.getByText('This browser, now')).toBeVisible();
  const kept = await keptFiles(home);
  expect(kept).toContain('/index.html');
  expect(kept.filter((path) => !/^\/(index\.html|theme\.js|favicon\.svg|manifest\.webmanifest|icons\/[\w-]+\.png|assets\/[\w.-]+\.(js|css|woff2))$/.test(path))).toEqual([]);
});

test('a new build is shown at its first load, and the files of the old one are removed', async ({ page, server }) => {
  test.skip(server.page === null, 'the binary has one build');
  const proxy = server.page!;
  const [old, next] = [proxy.folder, await mkdtemp(join(tmpdir(), 'tutti-e2e-page-'))];
  await page.goto('/');
  await untilInstalled(page);
  const before = await caches(page);
  expect(before).toHaveLength(1);

  await cp(old, next, { recursive: true });
  const change = async (file: string, from: string | RegExp, to: string): Promise<void> => {
    const text = await readFile(join(next, file), 'utf8');
    expect(text).toMatch(from);
    await writeFile(join(next, file), text.replace(from, to));
  };
  await change('index.html', '<html lang="en">', '<html lang="en" data-build="next">');
  await change('sw.js', /"version":"\w+"/, '"version":"next"');
  proxy.folder = next;
  await page.reload();
  await expect(page.locator('html')).toHaveAttribute('data-build', 'next');
  await expect(page.getByRole('heading', { name: 'Everyone plays.' })).toBeVisible();
  await expect.poll(() => caches(page)).toEqual(['tutti-shell-next']);
  await untilInstalled(page);
  proxy.folder = old;
  await rm(next, { recursive: true, force: true });
});
