// Proves that members in three browsers build a thread together: all see each part, the programme has a chapter for each, and a
// part that its opener removes is gone for all, with a reason for its author.
import type { Browser, Page } from '@playwright/test';
import { collectErrors, expect, memberNamed, signUp, test } from './fixtures';

const CONVERTED = { timeout: 300_000 };

/** A browser of its own in which a new member is signed in. */
async function member(browser: Browser, baseURL: string, name: string): Promise<{ page: Page; handle: string; errors: string[]; close: () => Promise<void> }> {
  const context = await browser.newContext({ baseURL });
  const page = await context.newPage();
  const errors = collectErrors(page);
  const person = memberNamed(`${name}${Date.now().toString(36)}`);
  await signUp(page, person);
  return { page, handle: person.handle, errors, close: () => context.close() };
}

/** Uploads a clip in the form or dialog that is open, and waits until it has arrived. */
async function chooseClip(page: Page, path: string): Promise<void> {
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Upload', exact: true }).click();
  await (await chooser).setFiles(path);
  await expect(page.getByText('Wait until everything is uploaded.')).toHaveCount(0);
}

test('three members build a thread together, and one part of it is removed', async ({ browser, serverUrl, files }) => {
  const people = [await member(browser, serverUrl, 'tada'), await member(browser, serverUrl, 'tbob'), await member(browser, serverUrl, 'teve')] as const;
  const [ada, bob, eve] = people;
  await ada.page.goto('/threads/new');
  await chooseClip(ada.page, files.clip);
  await ada.page.getByLabel('Title').fill('Sing the next line #chain');
  await ada.page.getByRole('radio', { name: /^Everyone/ }).check();
  await ada.page.getByRole('button', { name: 'Open thread' }).click();
  await expect(ada.page.getByRole('heading', { level: 1, name: 'Sing the next line #chain' })).toBeVisible();
  // Others see it as soon as its clip can be played.
  await expect(ada.page.getByRole('navigation', { name: 'Chapters' }).getByRole('button')).toHaveCount(1, CONVERTED);

  await Promise.all(
    [bob, eve].map(async ({ page }) => {
      await page.goto(ada.page.url());
      await page.getByRole('button', { name: 'Join', exact: true }).click();
      await chooseClip(page, files.clip);
      await page.getByRole('dialog').getByRole('button', { name: 'Join', exact: true }).click();
      await expect(page.getByRole('dialog')).toHaveCount(0);
    }),
  );
  for (const { page } of people) {
    await expect(page.getByRole('heading', { name: '2 parts' })).toBeVisible(CONVERTED);
    await expect(page.getByRole('navigation', { name: 'Chapters' }).getByRole('button')).toHaveCount(3, CONVERTED);
  }

  // A chapter plays from its own beginning.
  await bob.page.getByRole('button', { name: /^Play from part 2/ }).click();
  await expect(bob.page.getByRole('button', { name: /^Play from part 2/ })).toHaveAttribute('aria-current', 'step');
  await expect.poll(() => bob.page.locator('section.player video').last().evaluate((video: HTMLVideoElement) => video.currentTime)).toBeGreaterThan(11.5);

  // Only the opener is offered to remove the part of another one.
  await expect(bob.page.getByRole('button', { name: `Remove the clip by ${eve.handle}` })).toHaveCount(0);
  await ada.page.getByRole('button', { name: `Remove the clip by ${eve.handle}` }).click();
  await ada.page.getByRole('dialog').getByLabel('Reason').fill('Another song.');
  await ada.page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  for (const { page } of [ada, bob]) {
    await expect(page.getByRole('heading', { name: '1 part' })).toBeVisible();
    await expect(page.getByText('Another song.')).toHaveCount(0);
  }
  await expect(eve.page.getByText('Another song.')).toBeVisible();
  for (const { errors, close } of people) {
    expect(errors).toEqual([]);
    await close();
  }
});
