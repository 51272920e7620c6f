// Proves that every text of the library, of items, albums and the trash is in the message files: see pseudoLocale.ts.
import { basename } from 'node:path';
import { expect, test, type Item } from './pseudoLocale';

test('no page of the library and no dialog has a text outside the message files', async ({ page, files, serverUrl, walk }) => {
  const { main, dialog, open, check, closeDialog, join, token, ignore } = walk;
  // Uploads.
  await join();
  await check('empty library');
  await page.locator('header nav button').nth(1).click();
  await check('upload dialog');
  await page.locator('dialog .tags input').fill('sea,');
  ignore('sea');
  const chooser = page.waitForEvent('filechooser');
  await page.locator('dialog .target').click();
  await (await chooser).setFiles([files.photo, files.song, files.clip, files.pdf]);
  const tray = page.locator('section:has(> header .toggle)');
  await expect(tray.locator('.reason')).toHaveCount(1);
  await check('upload tray');
  await expect(tray.locator('li[data-state="done"]')).toHaveCount(3);
  await check('uploads done');
  await page.route('**/v1/uploads', () => undefined);
  const another = page.waitForEvent('filechooser');
  await page.locator('header nav button').nth(1).click();
  await page.locator('dialog .target').click();
  await (await another).setFiles(files.large);
  const upload = tray.locator('li').filter({ hasText: basename(files.large) });
  await expect(upload).toHaveAttribute('data-state', 'sending');
  await check('uploading');
  await upload.locator('button').first().click();
  await check('paused');
  await page.unroute('**/v1/uploads');
  await page.evaluate(
    () =>
      new Promise((done, failed) => {
        const opening = indexedDB.open('tutti');
        opening.onerror = failed;
        opening.onsuccess = () => {
          const transaction = opening.result.transaction('files', 'readwrite');
          transaction.objectStore('files').clear();
          transaction.oncomplete = done;
        };
      }),
  );
  await page.reload();
  await expect(upload).toHaveAttribute('data-state', 'needs-file');
  await check('upload needs its file');
  await upload.locator('button').last().click();
  const transfer = await page.evaluateHandle(() => {
    const dragged = new DataTransfer();
    dragged.items.add(new File(['x'], 'dragged.png', { type: 'image/png' }));
    return dragged;
  });
  await page.dispatchEvent('main', 'dragenter', { dataTransfer: transfer });
  await check('drop zone');
  await page.dispatchEvent('main', 'dragleave', { dataTransfer: transfer });
  await page.route('**/v1/uploads', (route) => route.abort());
  const third = page.waitForEvent('filechooser');
  await page.locator('header nav button').nth(1).click();
  await page.locator('dialog .target').click();
  await (await third).setFiles(files.large);
  await expect(upload).toHaveAttribute('data-state', 'waiting');
  await check('server away during an upload');
  await upload.locator('button').last().click();
  await page.unroute('**/v1/uploads');

  const headers = { Authorization: `Bearer ${await token()}` };
  const items = async (): Promise<Item[]> => {
    const response = await fetch(`${serverUrl}/v1/media`, { headers });
    return ((await response.json()) as { items: Item[] }).items;
  };
  await expect(async () => expect((await items()).map((item) => item.state)).toEqual(['ready', 'ready', 'ready'])).toPass({ timeout: 300_000 });
  const idOf = async (kind: string): Promise<string> => (await items()).find((item) => item.kind === kind)?.id ?? '';
  const video = await idOf('video');

  await open('/', 'main .media-grid a');
  await main.locator('button.more').click();
  await check('library with filters');
  await main.locator('.filters button[aria-pressed]').click();
  await main.locator('.media-grid input').first().check();
  await check('a selection');
  for (const button of await page.locator('.selection-bar .actions button').all()) {
    if (await button.locator('path[d^="M12 4v11"]').count()) continue;
    await button.click();
    await check('a dialog of the selection');
    await closeDialog();
  }
  await page.keyboard.press('Escape');
  await open('/?state=ready&q=nothing', 'main section h2');
  await check('no results');
  await page.route('**/v1/media?*', (route) => route.abort());
  await open('/', 'main .note');
  await check('server away');
  await page.unroute('**/v1/media?*');

  // Items, also in the states that pass too quickly to be seen.
  await open(`/m/${video}`, 'section.player');
  await page.locator('section.player').hover({ position: { x: 200, y: 200 } });
  await page.locator('section.player .seek').hover({ position: { x: 100, y: 8 } });
  await check('video');
  await page.locator('section.player .anchor > button').click();
  await check('settings menu');
  await page.keyboard.press('Escape');
  await page.keyboard.press('m');
  await page.keyboard.press('?');
  await check('shortcuts');
  await closeDialog();
  const buttons = page.locator('section.details header button');
  await buttons.nth(0).click();
  await check('share a private item');
  await dialog.locator('.row button').first().click();
  await expect(dialog.locator('.link')).toBeVisible();
  await check('share an unlisted item');
  await dialog.locator('.link button').click();
  await check('copied');
  await closeDialog();
  await buttons.nth(1).click();
  await check('edit');
  await dialog.locator('form button.primary').click();
  await expect(dialog).toHaveCount(0);
  await check('saved');
  await buttons.last().click();
  await check('delete');
  await closeDialog();
  for (const state of ['received', 'processing', 'playable', 'failed']) {
    await page.route(`**/v1/media/${video}`, async (route) => {
      const response = await route.fetch();
      const item = (await response.json()) as object;
      const progress = { percent: 42, remaining_ms: 90_000 };
      return route.fulfill({ response, json: { ...item, state, progress: state === 'failed' ? null : progress, failure: null } });
    });
    await open(`/m/${video}`);
    await check(`video ${state}`);
    await page.unroute(`**/v1/media/${video}`);
    await page.route('**/v1/media?*', async (route) => {
      const response = await route.fetch();
      const { items: list } = (await response.json()) as { items: object[] };
      return route.fulfill({ response, json: { items: list.map((item) => ({ ...item, state, progress: { percent: 42 } })) } });
    });
    await open('/', 'main .media-grid a');
    await check(`library ${state}`);
    await page.unroute('**/v1/media?*');
  }
  await open(`/m/${await idOf('audio')}`, '.audio-player');
  await check('audio');
  await page.locator('.audio-player .play').click();
  await expect.poll(() => page.evaluate(() => document.querySelector('audio')?.paused)).toBe(false);
  await page.locator('header .home').click();
  await page.waitForSelector('.mini-player');
  await check('a song across pages');
  await open(`/m/${await idOf('photo')}`, 'figure img');
  await check('photo');
  await page.locator('figure button').click();
  await check('photo full screen');
  await page.keyboard.press('+');
  await check('photo zoomed');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');

  // Albums. The photo is private.
  await open('/albums');
  await check('no albums');
  await main.locator('header button').click();
  await dialog.locator('form button.primary').click();
  await check('new album, refused');
  await dialog.locator('input[name="title"]').fill('海');
  await dialog.locator('form button.primary').click();
  await page.waitForSelector('main article h1');
  await check('empty album');
  const album = new URL(page.url()).pathname;
  await open(`/m/${await idOf('photo')}`, 'section.details');
  await buttons.nth(2).click();
  await expect(dialog.locator('li')).toHaveCount(1);
  await check('add to album');
  await dialog.locator('li button').click();
  await expect(dialog).toHaveCount(0);
  await check('added to album');
  await open(album, 'main .media-grid a');
  const albumButtons = main.locator('article header button');
  await albumButtons.nth(2).click();
  await check('arrange');
  await albumButtons.first().click();
  await check('share a private album');
  await dialog.locator('.row button').first().click();
  await expect(dialog.locator('.note.info')).toBeVisible();
  await check('share an album with private items');
  await closeDialog();
  await main.locator('li button').nth(2).click();
  await check('a cover is chosen');
  await albumButtons.last().click();
  await check('delete album');
  await closeDialog();
  await main.locator('li button').last().click();
  await expect(main.locator('li')).toHaveCount(0);
  await check('taken out');

  // The trash, empty and with an item.
  await open('/trash', 'main section h2');
  await check('empty trash');
  await open(`/m/${await idOf('photo')}`, 'section.details');
  await buttons.last().click();
  await dialog.locator('.row button').first().click();
  await expect(page).toHaveURL(/\/$/);
  await check('deleted');
  await open('/trash', 'main ul li');
  await check('trash');
  await main.locator('li button').last().click();
  await check('delete for good');
  await dialog.locator('.row button').first().click();
  await expect(main.locator('li')).toHaveCount(0);
  await check('deleted for good');
});
