// Proves that a member adds second factors in the settings and signs in with them: an authenticator app, recovery codes,
// and passkeys of Chromium's virtual authenticator.
import { readFile } from 'node:fs/promises';
import type { Page } from '@playwright/test';
import { appCode } from './authenticator';
import { expect, test, type Member } from './fixtures';

async function sendPassword(page: Page, member: Member): Promise<void> {
  await page.getByLabel('Handle or e-mail').fill(member.handle);
  await page.getByLabel('Password').fill(member.password);
  await page.getByRole('main').getByRole('button', { name: 'Sign in' }).click();
}

async function signOut(page: Page): Promise<void> {
  await page.goto('/settings');
  await page.getByRole('button', { name: 'Sign out', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'Everyone plays.' })).toBeVisible();
  await page.goto('/sign-in');
}

test('a member adds an authenticator app, keeps recovery codes, which no accident loses, and signs in with either', async ({ home, member }) => {
  await home.goto('/settings');
  await home.getByRole('button', { name: 'Add an authenticator app' }).click();
  const dialog = home.getByRole('dialog');
  await expect(dialog.getByRole('img', { name: 'QR code with the key below' })).toBeVisible();
  const key = await dialog.locator('code').innerText();
  await dialog.getByLabel('Code', { exact: true }).fill('000000');
  await dialog.getByRole('button', { name: 'Confirm' }).click();
  await expect(dialog.getByLabel('Code', { exact: true })).toBeFocused();
  await expect(dialog.getByLabel('Code', { exact: true })).toHaveAttribute('aria-invalid', 'true');
  await dialog.getByLabel('Code', { exact: true }).fill(appCode(key));
  await dialog.getByRole('button', { name: 'Confirm' }).click();
  await expect(home.getByText('Your authenticator app is added.')).toBeVisible();
  await expect(home.getByRole('button', { name: 'Add an authenticator app' })).toHaveCount(0);

  await expect(home.getByText('You have no recovery codes.')).toBeVisible();
  await home.getByRole('button', { name: 'New recovery codes' }).click();
  await expect(dialog.locator('li code')).toHaveCount(10);
  const codes = await dialog.locator('li code').allInnerTexts();
  const download = home.waitForEvent('download');
  await dialog.getByRole('link', { name: 'Download' }).click();
  expect(await readFile(await (await download).path(), 'utf8')).toBe(`${codes.join('\n')}\n`);
  // Only its own button closes the dialog: not Escape, a click outside, or another page of ours.
  await home.keyboard.press('Escape');
  await home.keyboard.press('Escape');
  await home.mouse.click(2, 2);
  await expect(dialog.getByRole('button', { name: 'Close' })).toHaveCount(0);
  await expect(dialog.locator('li code')).toHaveText(codes);
  await home.evaluate(() => {
    history.pushState(null, '', '/');
    dispatchEvent(new PopStateEvent('popstate'));
  });
  await expect(home.getByText('Your library is empty')).toBeVisible();
  await home.goBack();
  await expect(dialog.locator('li code')).toHaveText(codes);
  await expect(home.getByText('You have 10 unused recovery codes.')).toBeVisible();
  await dialog.getByRole('button', { name: 'I have saved them' }).click();
  await expect(dialog).toHaveCount(0);
  await expect(home.getByRole('button', { name: 'New recovery codes' })).toBeFocused();

  await signOut(home);
  await sendPassword(home, member);
  await expect(home.getByRole('heading', { name: 'One more step' })).toBeVisible();
  // The code that confirmed the app was used, so this is the next one; a step early is accepted.
  await home.getByLabel('Code', { exact: true }).fill(appCode(key, 1));
  await home.getByRole('button', { name: 'Confirm' }).click();
  await expect(home.getByText('Your library is empty')).toBeVisible();

  await signOut(home);
  await sendPassword(home, member);
  await home.getByRole('button', { name: 'Start again' }).click();
  await expect(home.getByRole('heading', { level: 1 })).toBeFocused();
  await sendPassword(home, member);
  await home.getByRole('button', { name: 'Use a recovery code' }).click();
  await home.getByLabel('Recovery code').fill((codes[0] ?? '').toUpperCase());
  await home.getByRole('button', { name: 'Confirm' }).click();
  await expect(home.getByText('Your library is empty')).toBeVisible();
  await home.goto('/settings');
  await expect(home.getByText('You have 9 unused recovery codes.')).toBeVisible();

  await home.getByRole('button', { name: 'Remove Authenticator app' }).click();
  await dialog.getByRole('button', { name: 'Remove' }).click();
  await expect(home.getByText('The second factor is removed.')).toBeVisible();
  await expect(home.locator('#factors-title')).toBeFocused();
  await signOut(home);
  await sendPassword(home, member);
  await expect(home.getByText('Your library is empty')).toBeVisible();
});

test('a member adds a passkey and signs in with it, alone and after the password', async ({ page, member, serverUrl }) => {
  // Browsers make passkeys for a host name, not for an IP address.
  const origin = serverUrl.replace('127.0.0.1', 'localhost');
  test.skip(!origin.includes('localhost'), 'the server has another name, for which it may not make passkeys');
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('WebAuthn.enable');
  await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  const open = (path: string): Promise<unknown> => page.goto(`${origin}${path}`);

  await open('/join');
  await page.getByLabel('Handle').fill(member.handle);
  await page.getByLabel('E-mail').fill(member.email);
  await page.getByLabel('Password').fill(member.password);
  await page.getByRole('main').getByRole('button', { name: 'Join' }).click();
  await expect(page.getByText('Your library is empty')).toBeVisible();
  await open('/settings');
  await page.getByRole('button', { name: 'Add a passkey' }).click();
  await page.getByLabel('Name of the passkey').fill('My laptop');
  await page.getByRole('dialog').getByRole('button', { name: 'Continue' }).click();
  await expect(page.getByText('Your passkey is added.')).toBeVisible();
  await expect(page.getByRole('listitem').filter({ hasText: 'My laptop' })).toHaveCount(1);

  await page.getByRole('button', { name: 'Sign out', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'Everyone plays.' })).toBeVisible();
  await open('/sign-in');
  await page.getByRole('button', { name: 'Continue with a passkey' }).click();
  await expect(page.getByText('Your library is empty')).toBeVisible();

  await open('/settings');
  await page.getByRole('button', { name: 'Sign out', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'Everyone plays.' })).toBeVisible();
  await open('/sign-in');
  await sendPassword(page, member);
  await page.getByRole('button', { name: 'Use your passkey' }).click();
  await expect(page.getByText('Your library is empty')).toBeVisible();

  await open('/settings');
  await page.getByRole('button', { name: 'New recovery codes' }).click();
  await expect(page.getByRole('dialog').locator('li code')).toHaveCount(10);
});

test('a page under an IP address says where passkeys work', async ({ home }) => {
  await home.goto('/settings');
  const url = new URL(home.url());
  test.skip(url.hostname !== '127.0.0.1', 'the server has a name');
  url.hostname = 'localhost';
  await expect(home.getByRole('link', { name: url.href })).toHaveAttribute('href', url.href);
  await expect(home.getByRole('button', { name: 'Add a passkey' })).toHaveCount(0);
});
