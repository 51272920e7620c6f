// Proves what a profile says beside its name, that a private one says no more than that, where a member's language and
// time zone come from, and that a picture is described to those who cannot see it.
import { basename } from 'node:path';
import { addFiles, collectErrors, expect, openItem, test, waitUntilReady } from './fixtures';

test('a profile shows what a member is here for, where, and links that search engines do not follow', async ({ home, member, browser, serverUrl }) => {
  await home.goto('/settings');
  await home.getByLabel('What you are here for').selectOption('Artist');
  await home.getByLabel('Place', { exact: true }).fill('London');
  const links = home.getByLabel('Links');
  await links.fill('https://ada.example.org/\njavascript:alert(1)');
  await home.getByRole('button', { name: 'Save profile' }).click();
  await expect(links).toBeFocused();
  await expect(links).toHaveAccessibleDescription(/^Links must begin with https:\/\//);
  await links.fill(Array.from({ length: 6 }, (_, at) => `https://ada.example.org/${at}`).join('\n'));
  await home.getByRole('button', { name: 'Save profile' }).click();
  await expect(links).toHaveAccessibleDescription(/^A profile has at most five links\. Remove some\./);
  await links.fill('https://ada.example.org/\n\nhttps://p\u0430ypal.example/');
  await home.getByRole('button', { name: 'Save profile' }).click();
  await expect(home.getByText('Your profile is saved.')).toBeVisible();

  const context = await browser.newContext({ baseURL: serverUrl });
  const stranger = await context.newPage();
  const browserErrors = collectErrors(stranger);
  await stranger.goto(`/u/${member.handle}`);
  await expect(stranger.getByText('Artist')).toBeVisible();
  await expect(stranger.getByText('London')).toBeVisible();
  const shown = stranger.getByRole('list', { name: 'Links' }).getByRole('link');
  // A Cyrillic letter in a domain is not shown as a Latin one.
  await expect(shown).toHaveText(['ada.example.org', 'xn--pypal-4ve.example']);
  for (const link of await shown.all()) await expect(link).toHaveAttribute('rel', 'me nofollow ugc noopener');

  await home.getByLabel('Private profile').check();
  await home.getByRole('button', { name: 'Save profile' }).click();
  await expect(home.getByText('Your profile is saved.').last()).toBeVisible();
  await stranger.reload();
  await expect(stranger.getByText('This profile is private.')).toBeVisible();
  await expect(stranger.getByText('Artist')).toBeVisible();
  await expect(stranger.getByText('London')).toHaveCount(0);
  await expect(stranger.getByRole('heading', { name: 'Public items' })).toHaveCount(0);
  expect(browserErrors).toEqual([]);
  await context.close();
  await home.reload();
  await expect(home.getByLabel('Private profile')).toBeChecked();
  await expect(links).toHaveValue('https://ada.example.org/\nhttps://xn--pypal-4ve.example/');
});

test('language, time zone and country are those of the browser until the member changes them', async ({ browser, member, serverUrl }) => {
  const context = await browser.newContext({ baseURL: serverUrl, locale: 'pt-BR', timezoneId: 'America/Bahia' });
  const page = await context.newPage();
  await page.goto('/join');
  await page.getByLabel('Handle').fill(member.handle);
  await page.getByLabel('E-mail').fill(member.email);
  await page.getByLabel('Password').fill(member.password);
  await page.getByRole('main').getByRole('button', { name: 'Join' }).click();
  await expect(page.getByText('Your library is empty')).toBeVisible();
  await page.goto('/settings');
  const section = page.getByRole('region', { name: 'Language and region' });
  await expect(section.getByLabel('Language')).toHaveValue('pt-BR');
  await expect(section.getByLabel('Time zone')).toHaveValue('America/Bahia');
  await expect(section.getByLabel('Country')).toHaveValue('BR');

  // The page has no Portuguese: it says so, and offers what it has.
  await expect(section.getByLabel('Language')).toHaveAccessibleDescription(/not translated into \S*Português \(Brasil\)\S* yet/);
  await section.getByLabel('Language').selectOption('English');
  await expect(section.getByLabel('Language')).not.toHaveAccessibleDescription(/not translated/);
  await section.getByLabel('Time zone').selectOption('Europe/Vienna');
  await section.getByLabel('Country').selectOption('AT');
  await section.getByRole('button', { name: 'Save language and region' }).click();
  await expect(page.getByText('Your language and region are saved.')).toBeVisible();
  await page.reload();
  await expect(section.getByLabel('Language')).toHaveValue('en');
  await expect(section.getByLabel('Time zone')).toHaveValue('Europe/Vienna');
  await expect(section.getByLabel('Country')).toHaveValue('AT');
  await context.close();
});

test('a picture is described to those who cannot see it, wherever it is shown', async ({ home, files, browser, serverUrl }) => {
  const alt = 'A harbour in the first light, with “three” boats & no people.';
  await addFiles(home, files.photo);
  await waitUntilReady(home, basename(files.photo));
  await openItem(home, basename(files.photo));
  await home.getByRole('button', { name: 'Edit' }).click();
  const field = home.getByLabel('Alternative text');
  await expect(field).toHaveAccessibleDescription(/for those who cannot see it/);
  await field.fill(alt);
  await home.getByLabel('Description').fill('One line\nand another.');
  await home.getByRole('button', { name: 'Save' }).click();
  await expect(home.getByText('One line\nand another.')).toBeVisible();
  await expect(home.getByRole('button', { name: /full screen$/ })).toHaveAccessibleDescription(alt);
  await expect(home.locator('figure img').first()).toHaveAttribute('alt', alt);
  await home.getByRole('button', { name: /full screen$/ }).click();
  await expect(home.getByRole('dialog').getByAltText(alt)).toBeVisible();
  await home.keyboard.press('Escape');

  await home.getByRole('button', { name: 'Share' }).click();
  await home.getByRole('button', { name: 'Everyone' }).click();
  await home.keyboard.press('Escape');
  const id = home.url().split('/').at(-1) ?? '';
  await home.goto('/');
  await expect(home.locator('.media-grid').getByAltText(alt)).toBeVisible();

  const context = await browser.newContext({ baseURL: serverUrl });
  const stranger = await context.newPage();
  await stranger.goto(`/m/${id}`);
  await expect(stranger.getByText('One line\nand another.')).toBeVisible();
  await stranger.goto(`/embed/${id}`);
  await expect(stranger.getByAltText(alt)).toBeVisible();
  await context.close();
});
