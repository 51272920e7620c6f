// Takes a screenshot of every page on a phone and a desktop, light and dark (TUTTI_SHOTS names the folder), and proves
// that no page is wider than the screen.
import type { Page } from '@playwright/test';
import { mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { addFiles, expect, openItem, OWNED, waitUntilReady, test, showControls } from './fixtures';

const SIZES = [
  { name: 'desktop', width: 1440, height: 900 },
  { name: 'phone', width: 390, height: 844 },
] as const;
const shots = process.env['TUTTI_SHOTS'];
if (shots) mkdirSync(shots, { recursive: true });

/** Lets pictures fade in, for a screenshot. */
const settle = async (page: Page, milliseconds = 400): Promise<void> => {
  if (shots) await page.waitForTimeout(milliseconds);
};

async function capture(page: Page, what: string): Promise<void> {
  for (const size of SIZES) {
    await page.setViewportSize({ width: size.width, height: size.height });
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(overflow, `${what} is wider than a ${size.name}`).toBeLessThanOrEqual(0);
    // The width is the same in both.
    for (const colorScheme of shots ? (['light', 'dark'] as const) : []) {
      await page.emulateMedia({ colorScheme });
      await page.waitForTimeout(350);
      await page.screenshot({ path: join(shots ?? '', `${what}-${size.name}-${colorScheme}.png`) });
    }
  }
  await page.setViewportSize({ width: 1440, height: 900 });
}

test('every page fits a phone and a desktop', async ({ page, home, files, owner }) => {
  test.setTimeout(900_000);
  await capture(page, 'empty');
  await home.getByRole('button', { name: 'Add', exact: true }).click();
  await capture(page, 'add');
  await home.keyboard.press('Escape');

  await addFiles(home, files.photo, files.portrait, files.pdf);
  // What was refused comes before what has arrived.
  await expect(home.getByRole('region', { name: 'Uploads' })).toContainText('1 not uploaded');
  await capture(page, 'tray');
  for (const file of [files.photo, files.portrait]) await waitUntilReady(home, basename(file));
  const dismiss = home.getByRole('button', { name: /^(Remove from this list|Cancel upload)/ });
  while ((await dismiss.count()) > 0) await dismiss.first().click();
  await openItem(home, basename(files.portrait));
  await settle(home);
  await capture(page, 'portrait');
  await home.getByRole('button', { name: /full screen$/ }).click();
  await home.keyboard.press('+');
  await capture(page, 'zoomed');
  await home.keyboard.press('Escape');
  await home.keyboard.press('Escape');
  await home.getByRole('button', { name: 'Edit' }).click();
  await capture(page, 'edit');
  await home.keyboard.press('Escape');

  await home.goto('/settings');
  await expect(home.getByText('This browser, now')).toBeVisible();
  await capture(page, 'settings');
  await home.goto('/settings/api-keys');
  await expect(home.getByText('You have no API keys yet.')).toBeVisible();
  await home.getByRole('button', { name: 'Create key' }).click();
  await capture(page, 'api-keys-refused');
  for (const path of ['/messages', '/messages/requests', '/messages/new']) {
    await home.goto(path);
    await expect(home.getByRole('main').getByRole('heading', { level: 1 })).toBeVisible();
    await capture(page, path.slice(1).replace('/', '-'));
  }
  await home.goto('/nowhere/at/all');
  await capture(page, 'not-found');
  await home.goto('/settings');
  await home.getByRole('button', { name: 'Sign out', exact: true }).click();
  await expect(home.getByRole('heading', { name: 'Everyone plays.' })).toBeVisible();
  await capture(page, 'welcome');
  await home.goto('/join');
  await capture(page, 'join');
  await home.getByRole('main').getByRole('button', { name: 'Join' }).click();
  await capture(page, 'join-refused');

  // The rest is looked at in the library that is converted already.
  await home.goto('/sign-in');
  await home.getByLabel('Handle or e-mail').fill(owner.handle);
  await home.getByLabel('Password').fill(owner.password);
  await home.getByRole('main').getByRole('button', { name: 'Sign in' }).click();
  await expect(home.locator('.media-grid li')).toHaveCount(OWNED.length);
  await capture(page, 'library');
  await openItem(home, basename(files.clip));
  await capture(page, 'video');
  await home.getByRole('button', { name: 'Play', exact: true }).first().click();
  await settle(home, 1500);
  await showControls(home);
  await home.getByRole('button', { name: 'Quality and speed' }).click();
  await capture(page, 'video-menu');
  await home.keyboard.press('Escape');
  await showControls(home);
  await home.locator('.seek').hover({ position: { x: 300, y: 8 } });
  await settle(home, 500);
  if (shots) await home.screenshot({ path: join(shots, 'video-preview-desktop.png') });
  await home.getByRole('button', { name: 'Share' }).click();
  await capture(page, 'share');
  await home.keyboard.press('Escape');
  for (const [file, what] of [[files.photo, 'photo'], [files.song, 'song']] as const) {
    await home.goto('/');
    await openItem(home, basename(file));
    await settle(home);
    await capture(page, what);
  }
  await home.getByRole('main').getByRole('button', { name: 'Play', exact: true }).click();
  await expect(home.getByRole('main').getByRole('button', { name: 'Pause' })).toBeVisible();
  await home.getByRole('link', { name: 'Tutti, home' }).click();
  await expect(home.locator('.mini-player')).toBeVisible();
  await capture(page, 'mini-player');
});

test('the chosen theme outlives a reload and comes before the first paint', async ({ page }) => {
  await page.emulateMedia({ colorScheme: 'light' });
  await page.goto('/');
  const paper = (): Promise<string> => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await paper();
  await page.getByRole('button', { name: /^Theme/ }).click();
  await page.getByRole('button', { name: /^Theme/ }).click();
  expect(await paper()).not.toBe(light);
  await page.reload();
  expect(await page.evaluate(() => document.documentElement.dataset['theme'])).toBe('dark');
});
