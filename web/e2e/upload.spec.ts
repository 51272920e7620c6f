// Proves that uploads arrive, are refused with a reason, can be paused, and continue at the right byte after a reload.
import type { Page, Request } from '@playwright/test';
import { basename } from 'node:path';
import { addFiles, expect, fleet, waitUntilReady, test } from './fixtures';

/** Limits the upload speed, so that an upload can be interrupted. */
async function slow(page: Page, bytesPerSecond: number): Promise<() => Promise<void>> {
  const devtools = await page.context().newCDPSession(page);
  const set = (uploadThroughput: number): Promise<unknown> =>
    devtools.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput });
  await devtools.send('Network.enable');
  await set(bytesPerSecond);
  return async () => {
    await set(-1);
  };
}

const offsets = (page: Page): number[] => {
  const seen: number[] = [];
  page.on('request', (request: Request) => {
    if (request.method() === 'PATCH' && request.url().includes('/v1/uploads/')) seen.push(Number(request.headers()['upload-offset']));
  });
  return seen;
};

const sent = (page: Page): Promise<number> =>
  page.getByRole('progressbar', { name: /^Upload of/ }).getAttribute('aria-valuenow').then(Number);

test('a photo, a song and a video arrive and become ready', async ({ home, files }) => {
  await addFiles(home, files.photo, files.song, files.clip);
  await expect(home.getByRole('region', { name: 'Uploads' })).toContainText('3 files uploaded', { timeout: 60_000 });
  for (const file of [files.photo, files.song, files.clip]) await waitUntilReady(home, basename(file));

  await home.getByRole('radio', { name: 'Videos' }).check();
  await expect(home.locator('.media-grid li')).toHaveCount(1);
  await expect(home).toHaveURL(/kind=video/);
  await home.getByRole('radio', { name: 'All' }).check();
  await home.getByRole('searchbox').fill('harb');
  await expect(home.locator('.media-grid li')).toHaveCount(1);
  await home.getByRole('searchbox').fill('nothing has this name');
  await expect(home.getByText('No results')).toBeVisible();
});

test('files can be dropped anywhere on the page', async ({ home }) => {
  const transfer = await home.evaluateHandle(async () => {
    const canvas = new OffscreenCanvas(640, 480);
    const context = canvas.getContext('2d');
    context?.fillRect(0, 0, 320, 480);
    const transfer = new DataTransfer();
    transfer.items.add(new File([await canvas.convertToBlob({ type: 'image/png' })], 'dropped.png', { type: 'image/png' }));
    return transfer;
  });
  await home.dispatchEvent('main', 'dragenter', { dataTransfer: transfer });
  await expect(home.getByText('Drop to add')).toBeVisible();
  await home.dispatchEvent('main', 'drop', { dataTransfer: transfer });
  await expect(home.getByText('Drop to add')).toBeHidden();
  await waitUntilReady(home, 'dropped.png');
});

test('what is no photo, song or video is refused with the reason', async ({ home, files }) => {
  await addFiles(home, files.pdf);
  const tray = home.getByRole('region', { name: 'Uploads' });
  await expect(tray).toContainText('1 not uploaded');
  await expect(tray.locator('.reason')).not.toBeEmpty();
  await tray.getByRole('button', { name: /^Cancel upload/ }).click();
  await expect(tray).toBeHidden();
});

test('a reload in the middle of an upload goes on at the byte where it stopped, by itself', async ({ home, files }) => {
  const seen = offsets(home);
  const release = await slow(home, 1_200_000);
  await addFiles(home, files.large);
  await expect.poll(() => sent(home), { timeout: 90_000 }).toBeGreaterThan(15);
  await home.reload();
  await release();
  await expect(home.getByRole('region', { name: 'Uploads' })).toContainText('1 file uploaded', { timeout: 60_000 });
  expect(seen[0]).toBe(0);
  expect(seen.at(-1)).toBeGreaterThan(500_000);
  await expect(home.locator('.media-grid li')).toHaveCount(1);
});

test('a server that is killed in the middle of an upload gets the rest by itself when it is back, not all of it again', async ({ home, files, server }) => {
  test.skip(fleet !== undefined, 'a fleet is killed by the tests of the binary');
  const seen = offsets(home);
  const release = await slow(home, 1_200_000);
  await addFiles(home, files.large);
  // Long enough for the server to store a checkpoint of the upload, which it does every few seconds.
  await expect.poll(() => sent(home), { timeout: 90_000 }).toBeGreaterThan(75);
  await server.stop('SIGKILL');
  const tray = home.getByRole('region', { name: 'Uploads' });
  await expect(tray).toContainText('The server is away. Uploads go on by themselves.');
  await expect(tray).toContainText(/Waiting for the server at \d+%/);
  await release();
  await server.start();
  await expect(home.getByRole('region', { name: 'Uploads' })).toContainText('1 file uploaded', { timeout: 90_000 });
  expect(seen.at(-1)).toBeGreaterThan(0);
  await expect(home.locator('.media-grid li')).toHaveCount(1);
});

test('where the browser lost the file, picking it again goes on; another file is refused', async ({ home, files }) => {
  const seen = offsets(home);
  const release = await slow(home, 1_200_000);
  await addFiles(home, files.large);
  await expect.poll(() => sent(home), { timeout: 90_000 }).toBeGreaterThan(15);
  // As if the file had been too large to keep.
  await home.evaluate(
    () =>
      new Promise<void>((done, failed) => {
        const opening = indexedDB.open('tutti');
        opening.onerror = () => failed(opening.error);
        opening.onsuccess = () => {
          const transaction = opening.result.transaction('files', 'readwrite');
          transaction.objectStore('files').clear();
          transaction.oncomplete = () => done();
        };
      }),
  );
  await home.reload();
  await release();
  const tray = home.getByRole('region', { name: 'Uploads' });
  await expect(tray).toContainText('1 upload needs your action');
  const pick = async (path: string): Promise<void> => {
    const chooser = home.waitForEvent('filechooser');
    await tray.getByRole('button', { name: /^Choose/ }).click();
    await (await chooser).setFiles(path);
  };
  await pick(files.photo);
  await expect(tray).toContainText('This is a different file.');
  await pick(files.large);
  await expect(tray).toContainText('1 file uploaded', { timeout: 60_000 });
  expect(seen.at(-1)).toBeGreaterThan(500_000);
});

test('an upload can be paused, resumed and given up', async ({ home, files }) => {
  const seen = offsets(home);
  const release = await slow(home, 1_200_000);
  await addFiles(home, files.large);
  const tray = home.getByRole('region', { name: 'Uploads' });
  await expect.poll(() => sent(home), { timeout: 90_000 }).toBeGreaterThan(10);
  await tray.getByRole('button', { name: /^Pause/ }).click();
  await expect(tray).toContainText('Paused at');
  await home.waitForTimeout(500);
  const before = await sent(home);
  await home.waitForTimeout(700);
  expect(await sent(home)).toBe(before);
  await tray.getByRole('button', { name: /^Resume/ }).click();
  await expect.poll(() => seen.length).toBe(2);
  expect(seen[1]).toBeGreaterThan(0);
  const taken = home.waitForRequest((request) => request.method() === 'DELETE' && request.url().includes('/v1/uploads/'));
  await tray.getByRole('button', { name: /^Cancel upload/ }).click();
  await taken;
  await expect(tray).toBeHidden();
  await release();
});
