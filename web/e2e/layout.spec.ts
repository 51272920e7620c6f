// Proves that nothing overlaps where the layouts for phones and desktops meet, and what tiles say.
import type { Page } from '@playwright/test';
import { basename } from 'node:path';
import { expect, openItem, test } from './fixtures';
import { overlaps } from './overlaps';

const WIDTHS = [390, 719, 720, 740, 760];

async function expectNoOverlap(page: Page, what: string): Promise<void> {
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    await page.waitForTimeout(100);
    expect(await overlaps(page), `${what} at ${width} px`).toEqual([]);
  }
  await page.setViewportSize({ width: 1440, height: 900 });
}

test('no page has an overlap or scrolls sideways between phone and desktop', async ({ page, library: home, files, owner }) => {
  await expectNoOverlap(page, 'library');
  await home.goto('/?state=ready&visibility=private');
  await expect(home.locator('.media-grid li')).toHaveCount(3);
  await expectNoOverlap(page, 'library with filters');
  for (const file of [files.song, files.clip, files.photo]) {
    await home.goto('/');
    await openItem(home, basename(file));
    await expectNoOverlap(page, basename(file));
  }
  for (const path of ['/settings', '/settings/api-keys', '/settings/people', '/albums', '/trash', '/feed', '/explore', '/tags/karaoke', '/songs/5kT0vYq8Zb3mXw1RcHs9Ga', '/saved', '/pending-comments', '/threads/new', '/greetings', '/notifications', '/messages', '/messages/requests', '/messages/new', '/messages/join/5kT0vYq8Zb3mXw1RcHs9Ga', '/settings/notifications', '/compose', '/follow-requests', `/u/${owner.handle}`, '/nowhere']) {
    await home.goto(path);
    await expect(home.locator('main h1')).toBeVisible();
    await expectNoOverlap(page, path);
  }
  await home.goto('/settings');
  await home.getByRole('button', { name: 'Sign out', exact: true }).click();
  for (const path of ['/', '/join', '/sign-in']) {
    await home.goto(path);
    await expect(home.locator('main h1')).toBeVisible();
    await expectNoOverlap(page, path);
  }
});

test('an empty library has no overlap', async ({ page, home }) => {
  await expect(home.getByText('Your library is empty')).toBeVisible();
  await expectNoOverlap(page, 'empty library');
});

test('a song’s name is beside its bars, and every tile says its name to the pointer and the focus', async ({ library: home, files }) => {
  const tile = (path: string) => home.locator('.media-grid a').filter({ hasText: basename(path) });
  const name = (path: string) => tile(path).locator('.name');
  for (const viewport of [{ width: 390, height: 844 }, { width: 1440, height: 900 }]) {
    await home.setViewportSize(viewport);
    await expect(name(files.song)).toBeVisible();
    const text = (await name(files.song).boundingBox())!;
    for (const bar of await tile(files.song).locator('rect').all()) {
      const box = (await bar.boundingBox())!;
      expect(box.y + box.height, `a bar at ${viewport.width} px`).toBeLessThanOrEqual(text.y);
    }
  }
  const opacity = (): Promise<string> => name(files.photo).evaluate((one) => getComputedStyle(one).opacity);
  await home.mouse.move(5, 890);
  await expect.poll(opacity).toBe('0');
  await tile(files.photo).hover();
  await expect.poll(opacity).toBe('1');
  await expect(name(files.photo)).toHaveText(basename(files.photo));
  await home.mouse.move(5, 890);
  await expect.poll(opacity).toBe('0');
  await home.getByRole('searchbox').focus();
  for (let step = 0; step < 4 && (await opacity()) !== '1'; step += 1) {
    await home.keyboard.press('Tab');
    await home.waitForTimeout(250);
  }
  expect(await opacity()).toBe('1');
});
