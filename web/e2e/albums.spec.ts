// Proves that items are put into an album and in order, by keyboard and by pointer, and are stepped through in that order;
// that sharing an album shows no private item until its owner shares that as well; and that deleting one keeps its items.
import { basename } from 'node:path';
import type { Page } from '@playwright/test';
import { addFiles, collectErrors, expect, openItem, test, waitUntilReady } from './fixtures';

const arranged = (page: Page): Promise<string[]> => page.locator('main ol a').allTextContents();

test('an album is filled, put in order by keyboard, shared with and without its private items, and deleted', async ({ home, files, browser, serverUrl }) => {
  const [harbour, tower] = [basename(files.photo), basename(files.portrait)];
  await addFiles(home, files.photo, files.portrait);
  for (const name of [harbour, tower]) await waitUntilReady(home, name);
  const dialog = home.getByRole('dialog');

  await openItem(home, harbour);
  await home.getByRole('button', { name: 'Add to album' }).click();
  await dialog.getByLabel('New album').fill('Harbour days');
  await dialog.getByRole('button', { name: 'Create and add' }).click();
  await expect(home.getByText('The item is in')).toBeVisible();
  await home.goto('/');
  await openItem(home, tower);
  await home.getByRole('button', { name: 'Add to album' }).click();
  await dialog.getByRole('button', { name: /Harbour days/ }).click();
  await expect(dialog).toHaveCount(0);

  await home.getByRole('link', { name: 'Albums' }).and(home.locator(':visible')).click();
  await home.getByRole('main').getByRole('link', { name: /Harbour days/ }).click();
  await expect(home.getByRole('heading', { level: 1, name: 'Harbour days' })).toBeFocused();
  await expect(home.locator('.media-grid li')).toHaveCount(2);
  await home.getByRole('button', { name: 'Arrange' }).click();
  expect(await arranged(home)).toEqual([harbour, tower]);
  await home.getByRole('button', { name: `Move ${tower} up` }).focus();
  await home.keyboard.press('Enter');
  await expect.poll(() => arranged(home)).toEqual([tower, harbour]);
  await expect(home.getByRole('button', { name: `Move ${tower} down` }), 'the focus goes with the item').toBeFocused();
  await home.reload();
  await home.getByRole('button', { name: 'Arrange' }).click();
  await expect.poll(() => arranged(home)).toEqual([tower, harbour]);

  const context = await browser.newContext({ baseURL: serverUrl });
  const stranger = await context.newPage();
  const browserErrors = collectErrors(stranger);
  const link = home.url();
  await stranger.goto(link);
  await expect(stranger.getByRole('heading', { name: 'This album is not available' })).toBeVisible();

  await home.getByRole('button', { name: 'Share' }).click();
  await dialog.getByRole('button', { name: 'Anyone with the link' }).click();
  await expect(dialog.getByLabel('Link')).toHaveValue(link);
  await expect(dialog).toContainText('2 items are not shared as widely as this album.');
  await stranger.reload();
  await expect(stranger.getByRole('heading', { level: 1, name: 'Harbour days' })).toBeVisible();
  await expect(stranger.getByText('There is nothing in this album that you can see.')).toBeVisible();

  await dialog.getByRole('button', { name: 'Share these 2 items as well' }).click();
  await expect(dialog).not.toContainText('not shared as widely');
  await home.keyboard.press('Escape');
  await stranger.reload();
  await expect(stranger.locator('.media-grid').getByRole('link', { name: new RegExp(tower) })).toBeVisible();
  const shown = await stranger.locator('.media-grid a').allTextContents();
  expect(shown.map((text) => text.includes(tower))).toEqual([true, false]);
  for (const name of ['Edit', 'Share', 'Delete', 'Arrange']) await expect(stranger.getByRole('button', { name })).toHaveCount(0);
  await expect(stranger.getByRole('checkbox')).toHaveCount(0);

  await home.getByRole('button', { name: 'Edit' }).click();
  await dialog.getByLabel('Title').fill('A day at the harbour');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(home.getByRole('heading', { level: 1, name: 'A day at the harbour' })).toBeVisible();
  await home.getByRole('button', { name: 'Delete' }).click();
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await expect(home.getByText('You have no albums yet.')).toBeVisible();
  await home.goto('/');
  await expect(home.locator('.media-grid li')).toHaveCount(2);
  await stranger.reload();
  await expect(stranger.getByRole('heading', { name: 'This album is not available' })).toBeVisible();
  expect(browserErrors).toEqual([]);
  await context.close();
});

test('an album is put in order by dragging, and its items are stepped through in its order', async ({ home, files }) => {
  const [harbour, tower] = [basename(files.photo), basename(files.portrait)];
  await addFiles(home, files.photo, files.portrait);
  const dialog = home.getByRole('dialog');
  for (const name of [harbour, tower]) {
    await waitUntilReady(home, name);
    await openItem(home, name);
    await home.getByRole('button', { name: 'Add to album' }).click();
    if (name === harbour) {
      await dialog.getByLabel('New album').fill('Harbour days');
      await dialog.getByRole('button', { name: 'Create and add' }).click();
    } else {
      await dialog.getByRole('button', { name: /Harbour days/ }).click();
    }
    await expect(dialog).toHaveCount(0);
    await home.goto('/');
  }
  await home.goto('/albums');
  await home.getByRole('main').getByRole('link', { name: /Harbour days/ }).click();
  await home.getByRole('button', { name: 'Arrange' }).click();
  await expect.poll(() => arranged(home)).toEqual([harbour, tower]);
  const handle = (name: string) => home.locator('main ol li', { hasText: name }).locator('.handle');
  const target = await handle(harbour).boundingBox();
  await handle(tower).hover();
  await home.mouse.down();
  await home.mouse.move((target?.x ?? 0) + 5, (target?.y ?? 0) + 1, { steps: 5 });
  await home.keyboard.press('Escape');
  await home.mouse.up();
  expect(await arranged(home), 'Escape puts the row back').toEqual([harbour, tower]);
  await handle(tower).hover();
  await home.mouse.down();
  await home.mouse.move((target?.x ?? 0) + 5, (target?.y ?? 0) + 1, { steps: 5 });
  await home.mouse.up();
  await expect.poll(() => arranged(home)).toEqual([tower, harbour]);
  await home.getByRole('button', { name: 'Arrange' }).click();

  await home.locator('.media-grid a').first().click();
  await expect(home.getByRole('heading', { level: 1, name: tower })).toBeVisible();
  await home.getByRole('link', { name: 'Next item' }).click();
  await expect(home.getByRole('heading', { level: 1, name: harbour })).toBeVisible();
  await expect(home.getByRole('link', { name: 'Next item' })).toHaveCount(0);
  // A link to an item of an album still has its place after a reload.
  await home.reload();
  await home.getByRole('link', { name: 'Previous item' }).click();
  await expect(home.getByRole('heading', { level: 1, name: tower })).toBeVisible();
});

test('an album whose response is lost is created once', async ({ home }) => {
  const keys: (string | undefined)[] = [];
  await home.route('**/v1/albums', async (route) => {
    if (route.request().method() !== 'POST') return route.continue();
    keys.push(route.request().headers()['idempotency-key']);
    if (keys.length > 1) return route.continue();
    await route.fetch();
    return route.abort();
  });
  await home.goto('/albums');
  await home.getByRole('main').getByRole('button', { name: 'New album' }).first().click();
  await home.getByRole('dialog').getByLabel('Title').fill('Harbour days');
  await home.getByRole('dialog').getByRole('button', { name: 'Create' }).click();
  await expect(home.getByRole('heading', { level: 1, name: 'Harbour days' })).toBeVisible();
  expect(keys).toHaveLength(2);
  expect(keys[0]).toBeTruthy();
  expect(keys[1]).toBe(keys[0]);
  await home.goto('/albums');
  await expect(home.getByRole('main').getByRole('link', { name: /Harbour days/ })).toHaveCount(1);
});
