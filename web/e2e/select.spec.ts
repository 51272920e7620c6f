// Proves that items are selected by pointer, finger and keyboard; that what is done with them is done with all of them,
// and that what failed is named; and that the downloaded archive has the files.
import { execFile } from 'node:child_process';
import { basename } from 'node:path';
import { promisify } from 'node:util';
import type { Locator, Page } from '@playwright/test';
import { addFiles, expect, test, waitUntilReady } from './fixtures';

const LIST = "import json, sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print(json.dumps(z.namelist()))";

const select = (page: Page, path: string): Locator => page.getByRole('checkbox', { name: `Select ${basename(path)}` });
const bar = (page: Page): Locator => page.getByRole('region', { name: 'Selected items' });

test('several items are tagged, shared, downloaded and deleted together', async ({ home, files }) => {
  const all = [files.photo, files.song, files.portrait];
  await addFiles(home, ...all);
  for (const file of all) await waitUntilReady(home, basename(file));
  const tiles = home.locator('.media-grid li');

  // A range by Shift, from the first to the last; then Escape ends it, and the links open again.
  await tiles.first().hover();
  await tiles.first().getByRole('checkbox').check();
  await tiles.last().getByRole('link').click({ modifiers: ['Shift'] });
  await expect(bar(home)).toContainText('3 selected');
  await home.keyboard.press('Escape');
  await expect(bar(home)).toHaveCount(0);

  await select(home, files.photo).focus();
  await home.keyboard.press('Space');
  await home.keyboard.press('ControlOrMeta+a');
  await bar(home).getByRole('button', { name: 'Tags' }).click();
  await home.getByRole('dialog').getByLabel('Tags to add').fill('tour, encore');
  await home.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
  await expect(home.getByText('3 items are changed.')).toBeVisible();
  await expect(home.getByRole('button', { name: 'Select', exact: true })).toBeFocused();

  await select(home, files.photo).check();
  await select(home, files.song).check();
  await bar(home).getByRole('button', { name: 'Visibility' }).click();
  await home.getByRole('radio', { name: /^Unlisted/ }).check();
  await home.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
  await expect(home.getByText('2 items are changed.')).toBeVisible();
  await home.goto('/?tag=tour&visibility=unlisted');
  await expect(tiles).toHaveCount(2);

  await home.goto('/');
  await home.getByRole('button', { name: 'Select', exact: true }).click();
  await bar(home).getByRole('button', { name: 'Select all' }).click();
  const started = home.waitForEvent('download');
  await bar(home).getByRole('button', { name: 'Download' }).click();
  const download = await started;
  expect(download.suggestedFilename()).toMatch(/^tutti-\d{4}-\d\d-\d\d\.zip$/);
  const { stdout } = await promisify(execFile)('python3', ['-c', LIST, await download.path()]);
  expect((JSON.parse(stdout) as string[]).sort()).toEqual(all.map((path) => basename(path)).sort());

  // One of them fails at first: it is named, and stays selected.
  const link = await home.locator('.media-grid').getByRole('link', { name: new RegExp(`^${basename(files.song)}`) }).getAttribute('href');
  const failing = `**/v1/media/${link?.split('/').pop()}`;
  const problem = { code: 'request.invalid', detail: 'Not this one.', status: 422 };
  await home.route(failing, (route) => (route.request().method() === 'DELETE' ? route.fulfill({ status: 422, contentType: 'application/problem+json', json: problem }) : route.continue()));
  await bar(home).getByRole('button', { name: 'Delete' }).click();
  const dialog = home.getByRole('dialog', { name: 'Delete 3 items?' });
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await expect(dialog).toContainText('1 item of 3 failed, 2 are done.');
  await expect(dialog.getByRole('listitem')).toHaveText(`${basename(files.song)}Not this one.`);
  await expect(tiles).toHaveCount(1);
  await home.unroute(failing);
  await dialog.getByRole('button', { name: 'Try again' }).click();
  await expect(home.getByText('3 items are deleted.')).toBeVisible();
  await expect(home.getByText('Your library is empty')).toBeVisible();
});

test('a long press begins a selection on a phone', async ({ home, files }) => {
  await addFiles(home, files.photo);
  await waitUntilReady(home, basename(files.photo));
  await home.setViewportSize({ width: 390, height: 844 });
  const link = home.locator('.media-grid').getByRole('link').first();
  const finger = { pointerType: 'touch', isPrimary: true, bubbles: true, clientX: 60, clientY: 300 };
  await link.dispatchEvent('pointerdown', finger);
  await expect(bar(home)).toContainText('1 selected');
  await link.dispatchEvent('pointerup', finger);
  await link.dispatchEvent('click', { detail: 1, bubbles: true, cancelable: true });
  // The click that ends the press does nothing; the next one selects.
  await expect(bar(home)).toContainText('1 selected');
  await link.click();
  await expect(bar(home)).toContainText('0 selected');
  expect(await home.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)).toBe(0);
  await home.getByRole('button', { name: 'Stop selecting' }).click();
  await expect(bar(home)).toHaveCount(0);
});
