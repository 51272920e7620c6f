// Proves that axe finds no violation of WCAG 2.2 AA on any page and in /docs, on a dark desktop and a light phone, and that
// nothing overlaps and no page scrolls sideways between phone and desktop.
import type { Page } from '@playwright/test';
import { basename } from 'node:path';
import { expect, openItem, test } from './fixtures';
import { expectNoOverlap } from './overlaps';
import { violations } from './violations';

async function expectAccessible(page: Page, what: string): Promise<void> {
  for (const { colorScheme, ...viewport } of [{ width: 1440, height: 900, colorScheme: 'dark' }, { width: 390, height: 844, colorScheme: 'light' }] as const) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.waitForTimeout(100);
    expect(await violations(page), `${what}, ${viewport.width} px, ${colorScheme}`).toEqual([]);
  }
  await page.setViewportSize({ width: 1440, height: 900 });
}

test('axe finds nothing on the pages of a new member, and nothing overlaps', async ({ page, home, member }) => {
  for (const path of ['/', '/albums', '/trash', '/feed', '/explore', '/tags/karaoke', '/songs/5kT0vYq8Zb3mXw1RcHs9Ga', '/saved', '/pending-comments', '/threads/new', '/greetings', '/notifications', '/messages', '/messages/requests', '/messages/new', '/messages/join/5kT0vYq8Zb3mXw1RcHs9Ga', '/settings/notifications', '/compose', '/follow-requests', '/settings', '/settings/api-keys', '/settings/people', '/confirm', `/u/${member.handle}`, '/nowhere']) {
    await home.goto(path);
    await home.waitForSelector('main h1');
    await expectAccessible(page, path);
    await expectNoOverlap(page, path);
  }
});

test('axe finds nothing in a library', async ({ page, library, files }) => {
  await expectAccessible(page, 'library');
  await library.getByRole('button', { name: 'Select', exact: true }).click();
  await library.getByRole('checkbox', { name: `Select ${basename(files.photo)}` }).check();
  await expectAccessible(page, 'a selection');
  await library.getByRole('button', { name: 'Tags' }).click();
  await expectAccessible(page, 'tags of a selection');
  await library.keyboard.press('Escape');
  for (const file of [files.song, files.clip, files.photo]) {
    await library.goto('/');
    await openItem(library, basename(file));
    await expectAccessible(page, basename(file));
  }
  await library.getByRole('button', { name: /full screen$/ }).click();
  await expectAccessible(page, 'full screen');
  await library.keyboard.press('Escape');
  await library.getByRole('button', { name: 'Edit' }).click();
  await expectAccessible(page, 'edit');
  await library.keyboard.press('Escape');
  await library.getByRole('button', { name: 'Add to album' }).click();
  await library.getByLabel('New album').fill('Sea');
  await expectAccessible(page, 'add to album');
  await library.getByRole('button', { name: 'Create and add' }).click();
  await expect(library.getByRole('dialog')).toHaveCount(0);
  await library.goto('/albums');
  await library.getByRole('main').getByRole('link', { name: /Sea/ }).waitFor();
  await expectAccessible(page, 'albums');
  await library.getByRole('main').getByRole('link', { name: /Sea/ }).click();
  await library.getByRole('button', { name: 'Arrange' }).click();
  await expectAccessible(page, 'arrange an album');
});

test('axe finds nothing on the pages of a visitor, and nothing overlaps', async ({ page }) => {
  for (const path of ['/', '/sign-in', '/forgot', '/reset', '/confirm', '/appeals', '/embed/5kT0vYq8Zb3mXw1RcHs9Ga', '/s/5kT0vYq8Zb3mXw1RcHs9Ga', '/g/5kT0vYq8Zb3mXw1RcHs9Ga', '/explore', '/join']) {
    await page.goto(path);
    await page.waitForSelector('main h1');
    await expectAccessible(page, path);
    if (['/', '/sign-in', '/join'].includes(path)) await expectNoOverlap(page, path);
  }
  await page.getByRole('main').getByRole('button', { name: 'Join' }).click();
  await expectAccessible(page, 'a refused form');
});

test('axe finds nothing in the documentation of the API', async ({ page }) => {
  await page.goto('/docs/');
  await expect(page.getByRole('heading', { name: /Tutti/, level: 1 })).toBeVisible();
  const operation = page.locator('#operations-media-send_media');
  await operation.locator('.opblock-summary-control').click();
  await operation.getByRole('button', { name: 'Try it out' }).click();
  await page.getByRole('button', { name: 'Authorize' }).first().click();
  await expectAccessible(page, 'all operations, one of them to try, and the token');
});
