// Proves that a member confirms an e-mail, chooses a new password by a mail, changes the e-mail and sees the sign-ins. The
// mails are read from the server's folder.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { expect, fleet, test, type Server } from './fixtures';

test.skip(fleet !== undefined, 'the mails of a fleet are in no folder of this machine');

/** Returns the path with its code in the newest mail to a mailbox whose link leads there. */
async function mailedPath(server: Server, email: string, path: string): Promise<string> {
  return `${path}?code=${await mailed(server, email, new RegExp(`${path}\\?code=([\\w-]{43})`))}`;
}

/** Returns what is in the newest mail to a mailbox in which a pattern is found: its group. */
async function mailed(server: Server, email: string, pattern: RegExp): Promise<string> {
  const folder = join(server.data, 'mail');
  let found = '';
  await expect
    .poll(async () => {
      const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.eml')).sort();
      for (const name of names) {
        // Quoted-printable: a line that is continued, and the equals sign.
        const mail = (await readFile(join(folder, name), 'utf8')).replace(/=\r?\n/g, '').replaceAll('=3D', '=');
        const part = pattern.exec(mail)?.[1];
        if (part !== undefined && mail.includes(email)) found = part;
      }
      return found;
    })
    .not.toBe('');
  return found;
}

async function signIn(page: Page, login: string, password: string): Promise<void> {
  await page.getByLabel('Handle or e-mail').fill(login);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('main').getByRole('button', { name: 'Sign in' }).click();
}

test('the link of the mail confirms the e-mail, for a browser that is signed out too', async ({ home, member, server, browser, serverUrl }) => {
  await home.goto('/settings');
  const section = home.getByRole('region', { name: 'E-mail', exact: true });
  await expect(section).toContainText('not confirmed');
  const path = await mailedPath(server, member.email, '/confirm');

  const context = await browser.newContext({ baseURL: serverUrl });
  const elsewhere = await context.newPage();
  await elsewhere.goto(path);
  await expect(elsewhere.getByText('Sign in to the account that this mail was sent for.')).toBeVisible();
  await elsewhere.getByRole('main').getByRole('link', { name: 'Sign in' }).click();
  await signIn(elsewhere, member.handle, member.password);
  await expect(elsewhere.getByText(`${member.email} is confirmed.`)).toBeVisible();
  expect(new URL(elsewhere.url()).search).toBe('');
  await context.close();

  await home.reload();
  await expect(section).toContainText('· confirmed');
  await expect(section.getByRole('button', { name: 'Send the mail again' })).toHaveCount(0);
  // A second use of the link says so.
  await home.goto(path);
  await expect(home.getByRole('alert')).toContainText('not valid any more');
});

test('the code of the mail confirms the e-mail where it is typed, and the focus stays there', async ({ home, member, server }) => {
  await home.goto('/settings');
  const section = home.getByRole('region', { name: 'E-mail', exact: true });
  await section.getByLabel('Code of the mail').fill(await mailed(server, member.email, /code in the settings: ([\w-]+)/));
  await section.getByRole('button', { name: 'Confirm', exact: true }).click();
  await expect(section).toContainText('· confirmed');
  await expect(section.getByRole('button', { name: 'Change e-mail…' })).toBeFocused();
});

test('a forgotten password is replaced by the link of the mail', async ({ home, member, server }) => {
  await home.goto('/settings');
  await home.getByRole('button', { name: 'Sign out', exact: true }).click();
  await home.goto('/sign-in');
  await home.getByRole('link', { name: 'Forgot your password?' }).click();
  await home.getByLabel('Handle or e-mail').fill(member.handle);
  await home.getByRole('button', { name: 'Send link' }).click();
  await expect(home.getByRole('heading', { name: 'Look into your mailbox' })).toBeFocused();
  await home.goto(await mailedPath(server, member.email, '/reset'));
  expect(new URL(home.url()).pathname).toBe('/reset');
  await home.getByLabel('New password').fill('short');
  await home.getByRole('button', { name: 'Set password' }).click();
  await expect(home.getByLabel('New password')).toHaveAccessibleDescription(/at least 10 characters/);
  await home.getByLabel('New password').fill('a quite different phrase');
  await home.getByRole('button', { name: 'Set password' }).click();
  await expect(home.getByText('Your password is changed. Sign in with it.')).toBeVisible();
  await signIn(home, member.email, 'a quite different phrase');
  await expect(home.getByText('Your library is empty')).toBeVisible();
});

test('a new e-mail counts when it is confirmed, and the settings list the sign-ins', async ({ home, member, server }) => {
  await home.goto('/settings');
  const section = home.getByRole('region', { name: 'E-mail', exact: true });
  await section.getByRole('button', { name: 'Change e-mail…' }).click();
  const email = `new-${member.email}`;
  await home.getByLabel('New e-mail').fill(email);
  await home.getByLabel(/to confirm/).fill(member.password);
  await home.getByRole('button', { name: 'Send mail' }).click();
  await expect(section).toContainText(member.email);
  await home.goto(await mailedPath(server, email, '/confirm'));
  await expect(home.getByText(`${email} is confirmed.`)).toBeVisible();

  await home.goto('/settings');
  await expect(section).toContainText(`${email} · confirmed`);
  const signIns = home.getByRole('region', { name: 'Recent sign-ins' }).getByRole('listitem');
  await expect(signIns).toHaveCount(1);
  await expect(signIns).toContainText('Signed in');
  await home.getByRole('button', { name: 'Sign out everywhere' }).click();
  await expect(home.getByText('You are signed out everywhere.')).toBeVisible();
});
