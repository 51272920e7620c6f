// Proves sign-up, sign-in and sign-out, and that several tabs share one session without ending it.
import { expect, collectErrors, test } from './fixtures';

test('a member signs up, stays signed in over a reload, signs out and in again', async ({ home, member }) => {
  await home.reload();
  await expect(home.getByText('Your library is empty')).toBeVisible();

  await home.getByRole('link', { name: /Your profile/ }).click();
  await expect(home.getByText(`@${member.handle}`)).toBeVisible();
  await home.getByRole('button', { name: 'Sign out', exact: true }).click();
  await expect(home.getByRole('heading', { name: 'Everyone plays.' })).toBeVisible();

  await home.goto('/sign-in');
  await home.getByLabel('Name or e-mail').fill(member.email);
  await home.getByLabel('Password').fill('not the password at all');
  await home.getByRole('main').getByRole('button', { name: 'Sign in' }).click();
  await expect(home.getByRole('alert')).toContainText(/password/i);
  await home.getByLabel('Password').fill(member.password);
  await home.getByRole('main').getByRole('button', { name: 'Sign in' }).click();
  await expect(home.getByText('Your library is empty')).toBeVisible();
});

test('a taken name is refused with the server’s own words', async ({ home, member, browser, serverUrl }) => {
  const context = await browser.newContext({ baseURL: serverUrl });
  const other = await context.newPage();
  await other.goto('/join');
  await other.getByLabel('Name').fill(member.handle);
  await other.getByLabel('E-mail').fill(`other-${member.email}`);
  await other.getByLabel('Password').fill(member.password);
  const response = other.waitForResponse((response) => response.url().endsWith('/v1/accounts'));
  await other.getByRole('main').getByRole('button', { name: 'Join' }).click();
  const problem = (await (await response).json()) as { code: string; detail: string };
  await expect(other.getByRole('alert')).toHaveText(problem.detail);
  await context.close();
  await expect(home.getByText('Your library is empty')).toBeVisible();
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
  const context = await browser.newContext({ baseURL: serverUrl });
  const elsewhere = await context.newPage();
  await elsewhere.goto('/sign-in');
  await elsewhere.getByLabel('Name or e-mail').fill(member.handle);
  await elsewhere.getByLabel('Password').fill(member.password);
  await elsewhere.getByRole('main').getByRole('button', { name: 'Sign in' }).click();
  await expect(elsewhere.getByRole('link', { name: /Your profile, |Your profile and/ })).toBeVisible();
  await home.reload();
  await expect(home.getByLabel('Display name')).toHaveValue('Ada Lovelace');
  await home.getByRole('button', { name: /^Sign out Chrome/ }).first().click();
  await expect(home.getByText('That session is signed out.')).toBeVisible();
  await context.close();

  await home.getByLabel('Current password').fill('wrong wrong wrong');
  await home.getByLabel('New password').fill('a quite different phrase');
  await home.getByRole('button', { name: 'Change password' }).click();
  await expect(home.getByRole('alert')).toBeVisible();
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
