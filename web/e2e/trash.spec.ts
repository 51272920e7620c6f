// Proves that a deletion can be undone, at once and from the trash, that deleting for good is for good, and that the order
// of the library is in its URL.
import { basename } from 'node:path';
import type { Page } from '@playwright/test';
import { addFiles, expect, openItem, test, waitUntilReady } from './fixtures';

async function deleteItem(page: Page, name: string): Promise<void> {
  await openItem(page, name);
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click();
  await expect(page.getByText('is deleted.')).toBeVisible();
  await expect(page.locator('.media-grid li')).toHaveCount(0);
}

test('a deletion is undone from its toast and from the trash, and deleting for good is for good', async ({ home, files }) => {
  const name = basename(files.photo);
  await addFiles(home, files.photo);
  await waitUntilReady(home, name);
  const tile = home.locator('.media-grid').getByRole('link', { name: new RegExp(`^${name}`) });
  const path = await tile.getAttribute('href');

  await deleteItem(home, name);
  await home.getByRole('button', { name: 'Undo' }).click();
  await expect(home.getByText('is back in your library.')).toBeVisible();
  await openItem(home, name);
  await expect.poll(() => home.locator('figure img').evaluate((one: HTMLImageElement) => one.naturalWidth)).toBeGreaterThan(300);

  await home.goto('/');
  await deleteItem(home, name);
  await home.goto(path ?? '');
  await expect(home.getByText('This item is in the trash')).toBeVisible();
  await home.getByRole('link', { name: 'Go to the trash' }).click();
  const row = home.getByRole('listitem').filter({ hasText: name });
  await expect(row).toContainText('30 days left');
  await expect.poll(() => row.locator('img').evaluate((one: HTMLImageElement) => one.naturalWidth)).toBeGreaterThan(0);
  await row.getByRole('button', { name: `Restore ${name}` }).click();
  await expect(home.getByRole('heading', { name: 'The trash is empty' })).toBeVisible();
  await expect(home.getByRole('heading', { level: 1, name: 'Trash' })).toBeFocused();
  await home.getByRole('link', { name: 'Go to your library' }).click();
  await expect(tile).toBeVisible();

  await deleteItem(home, name);
  await home.getByRole('link', { name: 'Trash' }).click();
  await row.getByRole('button', { name: `Delete ${name} for good` }).click();
  await home.getByRole('dialog').getByRole('button', { name: 'Delete for good' }).click();
  await expect(home.getByRole('heading', { name: 'The trash is empty' })).toBeVisible();
  await home.goto(path ?? '');
  await expect(home.getByRole('heading', { name: 'This item is not available' })).toBeVisible();
});

test('the order of the library is in its URL and a step of the history', async ({ home, files }) => {
  await addFiles(home, files.photo);
  await waitUntilReady(home, basename(files.photo));
  const sort = home.getByLabel('Sort');
  await expect(sort).toHaveValue('');
  await sort.selectOption({ label: 'Date taken' });
  await expect(home).toHaveURL(/\?sort=taken$/);
  await expect(home.locator('.media-grid li')).toHaveCount(1);
  await home.reload();
  await expect(sort).toHaveValue('taken');
  await home.goBack();
  await expect(home).toHaveURL(/\/$/);
  await expect(sort).toHaveValue('');
});
