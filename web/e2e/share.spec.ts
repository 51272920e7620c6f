// Proves editing an item, sharing it with a visitor, and deleting it.
import { basename } from 'node:path';
import { addFiles, expect, collectErrors, openItem, waitUntilReady, test } from './fixtures';

test('an item is edited, shared with a stranger, and deleted', async ({ home, files, browser, serverUrl }) => {
  await addFiles(home, files.photo);
  await waitUntilReady(home, basename(files.photo));
  await openItem(home, basename(files.photo));

  await home.getByRole('button', { name: 'Edit' }).click();
  await home.getByLabel('Name').fill('The harbour at dawn');
  await home.getByLabel('Tags').fill('sea, morning');
  await home.getByRole('button', { name: 'Save' }).click();
  await expect(home.getByRole('heading', { level: 1, name: 'The harbour at dawn' })).toBeVisible();
  await expect(home.getByRole('link', { name: 'morning' })).toBeVisible();

  const link = home.url();
  const context = await browser.newContext({ baseURL: serverUrl });
  const stranger = await context.newPage();
  const browserErrors = collectErrors(stranger);
  await stranger.goto(link);
  await expect(stranger.getByRole('heading', { name: 'This item is not available' })).toBeVisible();

  await home.getByRole('button', { name: 'Share' }).click();
  await expect(home.getByRole('dialog')).toContainText('is private');
  await home.getByRole('button', { name: 'Anyone with the link' }).click();
  await expect(home.getByLabel('Link', { exact: true })).toHaveValue(link);
  await home.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await home.getByRole('button', { name: 'Copy link' }).click();
  await expect(home.getByRole('button', { name: 'Copied' })).toBeVisible();
  expect(await home.evaluate(() => navigator.clipboard.readText())).toBe(link);
  await home.keyboard.press('Escape');

  await stranger.goto(link);
  await expect(stranger.getByRole('heading', { level: 1, name: 'The harbour at dawn' })).toBeVisible();
  await expect.poll(() => stranger.locator('figure img').evaluate((one: HTMLImageElement) => one.naturalWidth)).toBeGreaterThan(300);
  for (const name of ['Edit', 'Share', 'Delete']) await expect(stranger.getByRole('button', { name })).toHaveCount(0);

  await home.getByRole('button', { name: 'Delete' }).click();
  await home.getByRole('button', { name: 'Cancel' }).click();
  await home.getByRole('button', { name: 'Delete' }).click();
  await home.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await expect(home.getByText('is deleted.')).toBeVisible();
  await expect(home.locator('.media-grid li')).toHaveCount(0);

  await stranger.reload();
  await expect(stranger.getByRole('heading', { name: 'This item is not available' })).toBeVisible();
  expect(browserErrors).toEqual([]);
  await context.close();
});
