// Proves that scrolling a library of several pages shows every item once, in order; that Back undoes a filter; that the
// library comes back with the server; and that a name has the direction of its letters.
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { addFiles, expect, ffmpeg, fleet, openItem, test, waitUntilReady } from './fixtures';

const ITEMS = 110;

test('a long library is loaded page by page while scrolling, also on a tall screen', async ({ home, files, member, serverUrl }) => {
  const signedIn = await fetch(`${serverUrl}/v1/sessions`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ login: member.handle, password: member.password }),
  });
  const { access_token: token } = (await signedIn.json()) as { access_token: string };
  // Small, because it is read and scaled as often.
  const path = join(files.folder, 'page.jpg');
  await ffmpeg('-f', 'lavfi', '-i', 'color=teal:s=96x64', '-frames:v', '1', path);
  const photo = await readFile(path);
  const named = (at: number): string => `page-${String(at).padStart(3, '0')}.jpg`;
  for (let at = 0; at < ITEMS; at += 1) {
    const sent = await fetch(`${serverUrl}/v1/media?name=${named(at)}`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'image/jpeg' },
      body: photo,
    });
    expect(sent.status, await sent.text()).toBe(201);
  }
  const tiles = home.locator('.media-grid li');
  const expected = Array.from({ length: ITEMS }, (_, at) => named(ITEMS - 1 - at));

  await home.setViewportSize({ width: 390, height: 844 });
  await home.goto('/');
  await expect(tiles.first()).toBeVisible();
  expect(await tiles.count(), 'not all of it at once').toBeLessThan(ITEMS);
  await expect(async () => {
    await tiles.last().scrollIntoViewIfNeeded();
    expect(await tiles.count()).toBe(ITEMS);
  }).toPass();
  const names = await tiles.getByRole('link').evaluateAll((links) => links.map((link) => /page-\d+\.jpg/.exec(link.getAttribute('aria-label') ?? link.textContent ?? '')?.[0]));
  expect(names).toEqual(expected);
  await expect(home.getByRole('button', { name: 'Show more' })).toHaveCount(0);

  // On a screen taller than a page of the library the next page is loaded without scrolling.
  await home.setViewportSize({ width: 2560, height: 4000 });
  await home.reload();
  await expect(tiles).toHaveCount(ITEMS);
});

test('Back undoes a filter, and a search is one step', async ({ home, files }) => {
  // They need not be converted to be found.
  await addFiles(home, files.photo, files.song);
  const tiles = home.locator('.media-grid li');
  await expect(tiles).toHaveCount(2);
  await home.getByRole('radio', { name: 'Songs' }).check();
  await expect(home).toHaveURL(/\?kind=audio$/);
  await home.getByRole('radio', { name: 'All' }).check();
  await expect(tiles).toHaveCount(2);
  const search = home.getByRole('searchbox');
  for (const text of ['h', 'ha', 'har']) {
    await search.fill(text);
    await expect(home).toHaveURL(new RegExp(`q=${text}$`));
  }
  await expect(tiles).toHaveCount(1);
  await home.goBack();
  await expect(home).toHaveURL(/\/$/);
  await expect(search).toHaveValue('');
  await expect(tiles).toHaveCount(2);
  await home.goBack();
  await expect(home.getByRole('radio', { name: 'Songs' })).toBeChecked();
  await expect(tiles).toHaveCount(1);
  await home.goBack();
  await expect(home.getByRole('radio', { name: 'All' })).toBeChecked();
  await expect(tiles).toHaveCount(2);
  await home.goForward();
  await expect(home).toHaveURL(/\?kind=audio$/);
});

test('while the server is away the library says so, and comes back with it by itself', async ({ home, files, server }) => {
  test.skip(fleet !== undefined, 'a fleet is killed by the tests of the binary');
  await addFiles(home, files.photo);
  await waitUntilReady(home, basename(files.photo));
  await home.getByRole('link', { name: /Your profile/ }).click();
  await server.stop('SIGTERM');
  await home.getByRole('link', { name: 'Tutti, home' }).click();
  await expect(home.getByRole('alert')).toHaveText(/The server is away\. The library loads by itself/);
  // What was listed is still there.
  await expect(home.locator('.media-grid li')).toHaveCount(1);
  await server.start();
  await expect(home.getByRole('alert')).toHaveCount(0);
  await expect(home.locator('.media-grid li')).toHaveCount(1);
});

test('a name has the direction of its letters', async ({ home, files }) => {
  await addFiles(home, files.photo);
  await waitUntilReady(home, basename(files.photo));
  await openItem(home, basename(files.photo));
  await home.getByRole('button', { name: 'Edit' }).click();
  const name = home.getByLabel('Name');
  await name.fill('החתונה של נועה (2026)');
  expect(await name.evaluate((field) => getComputedStyle(field).direction)).toBe('rtl');
  await home.getByRole('button', { name: 'Save' }).click();
  const heading = home.getByRole('heading', { level: 1 });
  await expect(heading).toHaveText('החתונה של נועה (2026)');
  expect(await heading.evaluate((one) => getComputedStyle(one).direction)).toBe('rtl');
  await home.getByRole('button', { name: 'Delete' }).click();
  await expect(home.getByRole('dialog')).toContainText('\u2068החתונה של נועה (2026)\u2069');
});
