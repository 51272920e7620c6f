// Proves that every action is possible without a pointer, and that the focus is never lost.
import type { Page } from '@playwright/test';
import { basename } from 'node:path';
import { addFiles, expect, waitUntilReady, test } from './fixtures';

const focused = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const element = document.activeElement;
    return element?.getAttribute('aria-label') ?? element?.textContent?.trim().replace(/\s+/g, ' ') ?? '';
  });

/** Presses Tab until an element with this name has the focus; fails after `maxSteps`. */
async function tabTo(page: Page, name: RegExp, maxSteps = 40): Promise<void> {
  const seen: string[] = [];
  for (let step = 0; step < maxSteps; step += 1) {
    await page.keyboard.press('Tab');
    const now = await focused(page);
    if (name.test(now)) return;
    seen.push(now);
  }
  throw new Error(`${name} was never reached; seen: ${seen.join(' | ')}`);
}

test('joining, adding, filtering, watching, editing and deleting by keyboard alone', async ({ page, member, files }) => {
  await page.goto('/');
  await expect(page.getByRole('heading', { name: 'Everyone plays.' })).toBeVisible();
  await tabTo(page, /^Skip to the content/, 1);
  await page.keyboard.press('Enter');
  await tabTo(page, /^Join$/, 2);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'Join Tutti' })).toBeFocused();
  await page.keyboard.press('Tab');
  await page.keyboard.type(member.handle);
  await page.keyboard.press('Tab');
  await page.keyboard.type(member.email);
  await page.keyboard.press('Tab');
  await page.keyboard.type(member.password);
  await page.keyboard.press('Enter');
  await expect(page.getByText('Your library is empty')).toBeVisible();

  // A dialog keeps the focus inside, and returns it.
  await tabTo(page, /^Add$/);
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Add to your library' });
  await expect(dialog).toBeVisible();
  for (let step = 0; step < 12; step += 1) {
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.closest('dialog') !== null)).toBe(true);
  }
  await page.keyboard.press('Shift+Tab');
  expect(await page.evaluate(() => document.activeElement?.closest('dialog') !== null)).toBe(true);
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  expect(await focused(page)).toBe('Add');

  await addFiles(page, files.song);
  await waitUntilReady(page, basename(files.song));
  await tabTo(page, /^Search by name/);
  await page.keyboard.type('walt');
  await expect(page).toHaveURL(/q=walt/);
  await tabTo(page, /^waltz\.mp3/);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1, name: 'waltz.mp3' })).toBeFocused();
  await page.keyboard.press('k');
  await expect.poll(() => page.evaluate(() => document.querySelector('audio')?.currentTime ?? 0)).toBeGreaterThan(0.2);
  await page.keyboard.press('k');

  await tabTo(page, /^Edit$/);
  await page.keyboard.press('Enter');
  await tabTo(page, /^$/, 3);
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.type('Waltz no. 2');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1, name: 'Waltz no. 2' })).toBeVisible();
  expect(await focused(page)).toBe('Edit');

  await tabTo(page, /^Delete$/);
  await page.keyboard.press('Enter');
  await tabTo(page, /^Delete$/, 4);
  await page.keyboard.press('Enter');
  await expect(page.getByText('is deleted.')).toBeVisible();
});

test('the focus can be seen wherever it is', async ({ home }) => {
  for (let step = 0; step < 10; step += 1) {
    await home.keyboard.press('Tab');
    const outline = await home.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body) return 'none at all';
      const ring = (one: Element): boolean => getComputedStyle(one).outlineStyle !== 'none' && parseFloat(getComputedStyle(one).outlineWidth) >= 2;
      return ring(element) || (element.parentElement !== null && ring(element.parentElement)) ? 'seen' : `unseen on ${element.outerHTML.slice(0, 80)}`;
    });
    if (outline !== 'none at all') expect(outline).toBe('seen');
  }
});
