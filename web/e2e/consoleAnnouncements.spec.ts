// Proves that what an operator announces is on the members' bells at once, is counted when it was seen, and goes with a click; and
// that one can be scheduled for those who read in a language.
import { collectErrors, fleet, memberNamed, signUp } from './fixtures';
import { expect, openPage, test } from './operators';
import { violations } from './violations';

test.skip(fleet !== undefined, 'the roles are given on the machine of the server');

test('an announcement is shown to members while it lasts, and one that is scheduled is not yet', async ({ browser, console: home, serverUrl }) => {
  const context = await browser.newContext({ baseURL: serverUrl });
  const page = await context.newPage();
  const errors = collectErrors(page);
  await signUp(page, memberNamed(`nia${Date.now().toString(36)}`));
  const bell = page.getByRole('banner').getByRole('link', { name: /^Notifications/ });
  await expect(bell).toHaveAccessibleName('Notifications');
  const text = 'The site is down on Sunday at 3:00 UTC.';
  const dialog = home.getByRole('dialog');

  await openPage(home, 'Announcements');
  await home.getByRole('button', { name: 'New announcement' }).click();
  await dialog.getByRole('button', { name: 'Announce' }).click();
  await expect(dialog.getByText('Write the text in one language at least.')).toBeVisible();
  await dialog.getByLabel('What it says in English').fill(text);
  await dialog.getByLabel('Where it leads').fill('/settings');
  expect(await violations(home)).toEqual([]);
  await dialog.getByRole('button', { name: 'Announce' }).click();
  const row = home.getByRole('row').filter({ hasText: text });
  await expect(row).toContainText('All members');
  await expect(row).toContainText('Shown');

  // The member's page is open.
  await expect(bell).toHaveAccessibleName('Notifications, 1 new');
  await bell.click();
  const notice = page.getByRole('main').getByRole('listitem').filter({ hasText: text });
  await expect(notice).toBeVisible();
  await expect(bell).toHaveAccessibleName('Notifications');
  await expect(async () => {
    await home.getByRole('button', { name: 'Refresh' }).click();
    await expect(row.getByRole('cell', { name: '1', exact: true })).toBeVisible({ timeout: 1_000 });
  }).toPass();

  // One for later, and for some.
  await home.getByRole('button', { name: 'New announcement' }).click();
  await dialog.getByLabel('In Français').fill('Bientôt du nouveau.');
  await dialog.getByLabel('Only for a role').selectOption('curator');
  await dialog.getByLabel('Only for a language').selectOption('Français');
  await dialog.getByLabel('Begins').fill(new Date(Date.now() + 30 * 86_400_000).toISOString().slice(0, 16));
  await dialog.getByRole('button', { name: 'Announce' }).click();
  const later = home.getByRole('row').filter({ hasText: 'Bientôt du nouveau.' });
  for (const words of ['Scheduled', 'Role curator', 'Language fr']) await expect(later).toContainText(words);

  for (const one of [row, later]) {
    await one.getByRole('button', { name: 'Cancel the announcement' }).click();
    await dialog.getByRole('button', { name: 'Cancel the announcement' }).click();
    await expect(one).toContainText('Cancelled');
    await expect(one.getByRole('button')).toHaveCount(0);
  }
  await page.reload();
  await expect(page.getByText('Nothing here yet.')).toBeVisible();
  expect(errors).toEqual([]);
  await context.close();
});
