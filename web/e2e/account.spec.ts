// Proves sign-up, sign-in and sign-out, and that several tabs share one session without ending it.
import { readFile } from 'node:fs/promises';
import type { Browser, BrowserContext, Locator, Page } from '@playwright/test';
import { expect, collectErrors, test, type Member } from './fixtures';

/** A refused form has moved the focus to the field, and its message is tied to it. */
async function expectFieldError(field: Locator, message: string | RegExp): Promise<void> {
  await expect(field).toBeFocused();
  await expect(field).toHaveAttribute('aria-invalid', 'true');
  await expect(field).toHaveAccessibleDescription(message);
}

/** Signs the member in with a second browser. */
async function signInElsewhere(
  browser: Browser,
  serverUrl: string,
  member: Member,
): Promise<{ context: BrowserContext; elsewhere: Page }> {
  const context = await browser.newContext({ baseURL: serverUrl });
  const elsewhere = await context.newPage();
  await elsewhere.goto('/sign-in');
  await elsewhere.getByLabel('Handle or e-mail').fill(member.handle);
  await elsewhere.getByLabel('Password').fill(member.password);
  await elsewhere.getByRole('main').getByRole('button', { name: 'Sign in' }).click();
  return { context, elsewhere };
}

test('a member signs up, stays signed in over a reload, signs out and in again', async ({ home, member }) => {
  await home.reload();
  await expect(home.getByText('Your library is empty')).toBeVisible();

  await home.getByRole('link', { name: /Your profile/ }).click();
  await expect(home.getByText(`@${member.handle}`)).toBeVisible();
  await home.getByRole('button', { name: 'Sign out', exact: true }).click();
  await expect(home.getByRole('heading', { name: 'Everyone plays.' })).toBeVisible();

  await home.goto('/sign-in');
  await home.getByLabel('Handle or e-mail').fill(member.email);
  await home.getByLabel('Password').fill('not the password at all');
  await home.getByRole('main').getByRole('button', { name: 'Sign in' }).click();
  await expectFieldError(home.getByLabel('Password'), 'The handle or e-mail, or the password, is wrong. Check both and try again.');
  await home.getByLabel('Password').fill(member.password);
  await home.getByRole('main').getByRole('button', { name: 'Sign in' }).click();
  await expect(home.getByText('Your library is empty')).toBeVisible();
});

test('a taken handle is refused with the server’s own words', async ({ home, member, browser, serverUrl }) => {
  const context = await browser.newContext({ baseURL: serverUrl });
  const other = await context.newPage();
  await other.goto('/join');
  await other.getByLabel('Handle').fill(member.handle);
  await other.getByLabel('E-mail').fill(`other-${member.email}`);
  await other.getByLabel('Password').fill(member.password);
  const response = other.waitForResponse((response) => response.url().endsWith('/v1/accounts'));
  await other.getByRole('main').getByRole('button', { name: 'Join' }).click();
  const problem = (await (await response).json()) as { code: string; detail: string };
  await expectFieldError(other.getByLabel('Handle'), new RegExp(`^${problem.detail.replaceAll('.', '\\.')}`));
  expect(problem.detail).toContain('handle');
  await context.close();
  await expect(home.getByText('Your library is empty')).toBeVisible();
});

test('a form with wrong fields is not sent: the focus goes to the first one, and each has its message', async ({ page }) => {
  const sent: string[] = [];
  page.on('request', (request) => request.method() === 'POST' && sent.push(request.url()));
  await page.goto('/join');
  const join = page.getByRole('main').getByRole('button', { name: 'Join' });
  await join.click();
  await expectFieldError(page.getByLabel('Handle'), /^Handle is missing\. Other members find you/);
  await expect(page.getByLabel('Password')).toHaveAccessibleDescription(/^Password is missing\./);
  await page.getByLabel('Handle').fill('ada');
  await expect(page.getByLabel('Handle')).not.toHaveAttribute('aria-invalid');
  await page.getByLabel('E-mail').fill('ada');
  await page.getByLabel('Password').fill('short');
  await join.click();
  await expectFieldError(page.getByLabel('E-mail'), 'E-mail should look like ada@example.org.');
  await expect(page.getByLabel('Password')).toHaveAccessibleDescription(/^Password needs at least 10 characters\./);
  expect(sent).toEqual([]);

  // What the operators have turned off is said in their server's words, and what was typed stays.
  const problem = { status: 503, code: 'server.turned_off', detail: 'The operators have turned sign-ups off for now.', request_id: '0198c5a4' };
  await page.route('**/v1/accounts', (route) => route.fulfill({ status: 503, headers: { 'Retry-After': '3600' }, contentType: 'application/problem+json', json: problem }));
  await page.getByLabel('E-mail').fill('ada@example.org');
  await page.getByLabel('Password').fill('every good boy does fine');
  await join.click();
  await expect(page.getByRole('alert')).toHaveText(problem.detail);
  await expect(join).toBeFocused();
  await expect(page.getByLabel('Handle')).toHaveValue('ada');
});

test('tabs that load at the same moment renew one after the other and all stay signed in', async ({ home, context }) => {
  const tabs = await Promise.all([context.newPage(), context.newPage(), context.newPage()]);
  const browserErrors = tabs.flatMap(collectErrors);
  await Promise.all([home.reload(), ...tabs.map((tab) => tab.goto('/'))]);
  for (const tab of [home, ...tabs]) await expect(tab.getByText('Your library is empty')).toBeVisible();
  await Promise.all([home, ...tabs].map((tab) => tab.reload()));
  for (const tab of [home, ...tabs]) await expect(tab.getByText('Your library is empty')).toBeVisible();

  // Signing out in one tab signs out all tabs.
  await home.goto('/settings');
  await home.getByRole('button', { name: 'Sign out', exact: true }).click();
  for (const tab of tabs) await expect(tab.getByRole('heading', { name: 'Welcome back' })).toBeVisible();
  expect(browserErrors).toEqual([]);
});

test('profile, password, sessions and the end of an account', async ({ home, member, files, browser, serverUrl }) => {
  await home.goto('/settings');
  await home.getByLabel('Display name').fill('Ada Lovelace');
  await home.getByLabel('About you').fill('Plays the analytical engine.');
  await home.getByRole('button', { name: 'Save profile' }).click();
  await expect(home.getByText('Your profile is saved.')).toBeVisible();

  await home.getByLabel('Picture').setInputFiles(files.photo);
  await expect(home.getByText('Your picture is changed.')).toBeVisible();

  // A second browser, whose session can be revoked.
  const { context, elsewhere } = await signInElsewhere(browser, serverUrl, member);
  await expect(elsewhere.getByRole('link', { name: /Your profile, |Your profile and/ })).toBeVisible();
  await home.reload();
  await expect(home.getByLabel('Display name')).toHaveValue('Ada Lovelace');
  await expect(home.getByRole('meter', { name: 'Storage' })).toHaveAccessibleDescription(/of 215 GB used/);
  await home.getByRole('button', { name: /^Sign out Chrome/ }).first().click();
  await expect(home.getByText('That session is signed out.')).toBeVisible();
  await context.close();

  await home.getByLabel('Current password').fill('wrong wrong wrong');
  await home.getByLabel('New password').fill('a quite different phrase');
  await home.getByRole('button', { name: 'Change password' }).click();
  await expectFieldError(home.getByLabel('Current password'), /current password/);
  await home.getByLabel('Current password').fill(member.password);
  await home.getByRole('button', { name: 'Change password' }).click();
  await expect(home.getByText('Your password is changed.')).toBeVisible();

  await home.goto(`/u/${member.handle}`);
  await expect(home.getByText('Plays the analytical engine.')).toBeVisible();

  await home.goto('/settings');
  await home.getByRole('button', { name: 'Delete account…' }).click();
  const erase = home.getByRole('button', { name: 'Delete everything' });
  await expect(erase).toBeDisabled();
  await home.getByLabel(/to confirm/).fill('a quite different phrase');
  await erase.click();
  await expect(home.getByRole('heading', { name: 'Everyone plays.' })).toBeVisible();
});

test('after Join and after a change of the password the list of devices is right at once', async ({ home, member, browser, serverUrl }) => {
  const devices = home.getByRole('region', { name: 'Where you are signed in' }).getByRole('listitem');
  await home.getByRole('link', { name: /Your profile/ }).click();
  await expect(devices).toHaveText([/^Chrome on \w+\s*This browser, now\s*$/]);

  const { context, elsewhere } = await signInElsewhere(browser, serverUrl, member);
  await expect(elsewhere.getByText('Your library is empty')).toBeVisible();
  await home.reload();
  await expect(devices).toHaveCount(2);

  await home.getByLabel('Current password').fill(member.password);
  await home.getByLabel('New password').fill('a quite different phrase');
  await home.getByRole('button', { name: 'Change password' }).click();
  await expect(home.getByText('Your password is changed. Your other devices are signed out.')).toBeVisible();
  await expect(devices).toHaveCount(1);
  await expect(devices).toContainText('This browser, now');
  await elsewhere.reload();
  await expect(elsewhere.getByRole('heading', { name: 'Everyone plays.' })).toBeVisible();
  await context.close();
});

test('a picture is no item of the library, and what is no picture is refused with a sentence about pictures', async ({ home, files, member, serverUrl }) => {
  await home.goto('/settings');
  const refusal = 'This file is not a photo. Choose a photo for your picture.';
  for (const path of [files.song, files.pdf]) {
    await home.reload();
    await home.getByLabel('Picture').setInputFiles(path);
    await expect(home.getByRole('alert')).toHaveText(refusal);
  }
  // A song that claims to be a picture: only the server finds out.
  await home.reload();
  await home.getByLabel('Picture').setInputFiles({ name: 'me.png', mimeType: 'image/png', buffer: await readFile(files.song) });
  await expect(home.getByRole('alert')).toHaveText(refusal);
  for (const photo of [files.photo, files.portrait]) {
    await home.getByLabel('Picture').setInputFiles(photo);
    await expect(home.getByText('Your picture is changed.')).toBeVisible();
    await home.reload();
    await expect(home.locator('main .avatar img')).toHaveJSProperty('complete', true);
  }
  await home.getByRole('link', { name: 'Tutti, home' }).click();
  await expect(home.getByText('Your library is empty')).toBeVisible();

  // Nothing is left of the first picture, nor of what was refused.
  const signedIn = await fetch(`${serverUrl}/v1/sessions`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ login: member.handle, password: member.password }),
  });
  const { access_token: token, account } = (await signedIn.json()) as { access_token: string; account: { avatar: string } };
  const listed = async (query: string): Promise<string[]> => {
    const response = await fetch(`${serverUrl}/v1/media?${query}`, { headers: { Authorization: `Bearer ${token}` } });
    return ((await response.json()) as { items: { id: string }[] }).items.map((item) => item.id);
  };
  await expect.poll(() => listed('staged=true')).toEqual([]);
  await expect.poll(() => listed('subject=account:avatar')).toEqual([account.avatar]);
  expect(await listed('')).toEqual([]);
  expect(await listed('trash=true')).toEqual([]);
});
