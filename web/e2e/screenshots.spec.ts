// Takes a screenshot of every page on a phone and a desktop, light and dark (TUTTI_SHOTS names the folder), and proves
// that no page is wider than the screen.
import type { Page } from '@playwright/test';
import { mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { addFiles, expect, openItem, waitUntilReady, test, showControls } from './fixtures';

const SIZES = [
  { name: 'desktop', width: 1440, height: 900 },
  { name: 'phone', width: 390, height: 844 },
] as const;
const shots = process.env['TUTTI_SHOTS'];

async function capture(page: Page, what: string): Promise<void> {
  for (const size of SIZES) {
    await page.setViewportSize({ width: size.width, height: size.height });
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(overflow, `${what} is wider than a ${size.name}`).toBeLessThanOrEqual(0);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      if (!shots) continue;
      mkdirSync(shots, { recursive: true });
      await page.waitForTimeout(350);
      await page.screenshot({ path: join(shots, `${what}-${size.name}-${colorScheme}.png`) });
    }
  }
  await page.setViewportSize({ width: 1440, height: 900 });
}

test('every page fits a phone and a desktop', async ({ page, home, files }) => {
  test.setTimeout(900_000);
  await capture(page, 'empty');
  await home.getByRole('button', { name: 'Add', exact: true }).click();
  await capture(page, 'add');
  await home.keyboard.press('Escape');

  await addFiles(home, files.photo, files.song, files.portrait, files.clip, files.pdf);
  await expect(home.getByRole('region', { name: 'Uploads' })).toContainText('4 files uploaded', { timeout: 60_000 }).catch(() => undefined);
  await capture(page, 'tray');
  for (const file of [files.photo, files.song, files.portrait, files.clip]) await waitUntilReady(home, basename(file));
  for (const button of await home.getByRole('button', { name: /^(Remove from this list|Cancel upload)/ }).all()) await button.click({ timeout: 2_000 }).catch(() => undefined);
  while ((await home.getByRole('button', { name: /^(Remove from this list|Cancel upload)/ }).count()) > 0) await home.getByRole('button', { name: /^(Remove from this list|Cancel upload)/ }).first().click();
  await capture(page, 'library');

  await openItem(home, basename(files.clip));
  await capture(page, 'video');
  await home.getByRole('button', { name: 'Play', exact: true }).first().click();
  await home.waitForTimeout(1500);
  await showControls(home);
  await home.getByRole('button', { name: 'Quality and speed' }).click();
  await capture(page, 'video-menu');
  await home.keyboard.press('Escape');
  await showControls(home);
  await home.locator('.seek').hover({ position: { x: 300, y: 8 } });
  await home.waitForTimeout(500);
  if (shots) await home.screenshot({ path: join(shots, 'video-preview-desktop.png') });
  await home.getByRole('button', { name: 'Share' }).click();
  await capture(page, 'share');
  await home.keyboard.press('Escape');

  for (const [file, what] of [[files.song, 'song'], [files.photo, 'photo'], [files.portrait, 'portrait']] as const) {
    await home.goto('/');
    await openItem(home, basename(file));
    await home.waitForTimeout(400);
    await capture(page, what);
  }
  await home.getByRole('button', { name: /full screen$/ }).click();
  await home.keyboard.press('+');
  await capture(page, 'zoomed');
  await home.keyboard.press('Escape');
  await home.keyboard.press('Escape');
  await home.goto('/');
  await openItem(home, basename(files.song));
  await home.getByRole('main').getByRole('button', { name: 'Play', exact: true }).click();
  await expect(home.getByRole('main').getByRole('button', { name: 'Pause' })).toBeVisible();
  await home.getByRole('link', { name: 'Tutti, home' }).click();
  await expect(home.locator('.mini-player')).toBeVisible();
  await capture(page, 'mini-player');
  await openItem(home, basename(files.portrait));
  await home.getByRole('button', { name: 'Edit' }).click();
  await capture(page, 'edit');
  await home.keyboard.press('Escape');

  await home.goto('/settings');
  await expect(home.getByText('This browser, now')).toBeVisible();
  await capture(page, 'settings');
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
