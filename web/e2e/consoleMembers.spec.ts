// Proves that an operator who was made on the machine, which needs a second factor, signs in to the console with it, finds a member,
// changes roles and standing with a reason, and reads it in the audit trail; that a suspended member appeals on the site; and that a
// reader is offered what their role allows.
import type { Browser } from '@playwright/test';
import { collectErrors, fleet, memberNamed, signUp, type Member } from './fixtures';
import { becomeOperator, enrol, expect, give, openConsole, openMember, openPage, sendPassword, test } from './operators';
import { violations } from './violations';

test.skip(fleet !== undefined, 'the roles are given on the machine of the server');

test('the first operator gives a member a role, and the audit trail says so', async ({ browser, home, server, serverUrl, member }) => {
  const grace = memberNamed(`grace${Date.now().toString(36)}`);
  const other = await browser.newContext({ baseURL: serverUrl });
  const page = await other.newPage();
  await signUp(page, grace);
  await enrol(page);
  await other.close();
  await becomeOperator(home, server, member);

  await openMember(home, grace);
  await home.getByRole('button', { name: 'Give a role' }).click();
  const dialog = home.getByRole('dialog');
  await dialog.getByRole('radio', { name: /^moderator/ }).check();
  await dialog.getByRole('button', { name: 'Give' }).click();
  await expect(dialog.getByLabel('Reason')).toBeFocused();
  await expect(dialog.getByText('Reason is missing.')).toBeVisible();
  await dialog.getByLabel('Reason').fill('Grace helps with reports from today.');
  await dialog.getByRole('button', { name: 'Give' }).click();
  await expect(home.getByText('The account has the role moderator.')).toBeVisible();
  await expect(home.getByRole('button', { name: 'Revoke the role moderator' })).toBeVisible();

  await home.getByRole('link', { name: 'What was done to this account' }).click();
  const entry = home.getByRole('row').filter({ hasText: 'accounts.roles_changed' });
  await expect(entry).toHaveCount(1);
  await expect(entry).toContainText('Grace helps with reports from today.');
  await expect(entry.locator('ins')).toHaveText(/\+ moderator/);
  await expect(entry.getByRole('link', { name: `@${member.handle}` })).toBeVisible();
  await entry.locator('summary').click();
  await expect(entry.getByText('127.0.0.1')).toBeVisible();

  // What was done on the machine is there as well.
  await home.getByRole('link', { name: 'Clear' }).click();
  await expect(home.getByRole('row').filter({ hasText: 'machine:' }).filter({ hasText: 'operator' }).first()).toBeVisible();
  await home.getByLabel('From', { exact: true }).fill('2026-05-18');
  await home.getByLabel('To', { exact: true }).fill('2026-05-17');
  await home.getByRole('button', { name: 'Apply' }).click();
  await expect(home.getByLabel('To', { exact: true })).toBeFocused();
  await expect(home.getByText('To must not be before From.')).toBeVisible();

  // No operator takes the role of operators from themselves.
  await openMember(home, member);
  await expect(home.getByText('operator', { exact: true })).toBeVisible();
  await expect(home.getByRole('button', { name: 'Revoke the role operator' })).toHaveCount(0);
  await expect(home.getByRole('button', { name: 'Limit, suspend or ban' })).toHaveCount(0);

  await home.getByRole('button', { name: 'Sign out' }).click();
  await expect(home.getByRole('heading', { level: 1, name: 'Sign in for operators' })).toBeVisible();
  await home.reload();
  await expect(home.getByRole('heading', { level: 1, name: 'Sign in for operators' })).toBeVisible();
});

/** Signs in for an appeal after an ordinary sign-in was refused, reads why, appeals once, and signs out. */
async function appealAs(browser: Browser, serverUrl: string, { handle, password }: Member, why: string): Promise<void> {
  const decisionCount = async (): Promise<number> => {
    const session = await fetch(`${serverUrl}/v1/sessions`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ login: handle, password, for_appeals: true }) });
    const { access_token } = (await session.json()) as { access_token: string };
    const decisions = await fetch(`${serverUrl}/v1/me/decisions`, { headers: { Authorization: `Bearer ${access_token}` } });
    return ((await decisions.json()) as { items: unknown[] }).items.length;
  };
  // The decision comes with an event.
  await expect.poll(decisionCount).toBe(1);
  const context = await browser.newContext({ baseURL: serverUrl, viewport: { width: 390, height: 844 } });
  const page = await context.newPage();
  const errors = collectErrors(page);
  await page.goto('/sign-in');
  await page.getByLabel('Handle or e-mail').fill(handle);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('main').getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('alert')).toContainText(why);
  await page.getByRole('button', { name: 'See the decision and appeal' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Decision and appeal' })).toBeFocused();
  await expect(page.getByRole('listitem').filter({ hasText: 'Your account is suspended' })).toContainText(why);
  await expect(page.getByRole('button', { name: 'Export my data' })).toBeVisible();
  expect(await violations(page)).toEqual([]);
  await page.setViewportSize({ width: 1440, height: 900 });
  expect(await violations(page)).toEqual([]);
  await page.getByRole('button', { name: 'Appeal', exact: true }).click();
  await page.getByLabel('Why is it wrong?').fill('It was a quotation.');
  await page.getByRole('dialog').getByRole('button', { name: 'Appeal', exact: true }).click();
  await expect(page.getByText('Your appeal waits for an answer.')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Appeal', exact: true })).toHaveCount(0);
  // Nothing of it is kept: it ends with the page, and with the sign-out.
  await page.getByRole('button', { name: 'Sign out', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'Everyone plays.' })).toBeVisible();
  await page.goto('/appeals');
  await expect(page.getByText('You are not signed in for an appeal')).toBeVisible();
  expect(errors).toEqual([]);
  await context.close();
}

test('a member is suspended with a reason and an end, appeals, and is restored', async ({ browser, console: home, serverUrl }) => {
  const eve = memberNamed(`eve${Date.now().toString(36)}`);
  const other = await browser.newContext({ baseURL: serverUrl });
  await signUp(await other.newPage(), eve);
  await other.close();

  await openMember(home, eve);
  await expect(home.getByText('Active', { exact: true })).toBeVisible();
  await home.getByRole('button', { name: 'Limit, suspend or ban' }).click();
  const dialog = home.getByRole('dialog');
  await dialog.getByLabel('Until').fill('2020-01-01T00:00');
  await dialog.getByLabel('Reason').fill('Advertising in comments.');
  await dialog.getByRole('button', { name: 'Impose' }).click();
  await expect(dialog.getByText('Until must be in the future.')).toBeVisible();
  await expect(dialog.getByLabel('Until')).toBeFocused();
  await dialog.getByLabel('Until').fill('2099-01-01T00:00');
  await dialog.getByRole('button', { name: 'Impose' }).click();
  await expect(home.getByText('The sanction is in force.')).toBeVisible();
  await expect(home.locator('.note').filter({ hasText: 'Suspended' })).toContainText('Advertising in comments.');

  await openPage(home, 'Members');
  await home.getByRole('searchbox').fill(eve.handle);
  await home.getByLabel('State', { exact: true }).selectOption('Suspended');
  await home.getByRole('button', { name: 'Search' }).click();
  await expect(home.getByRole('row').filter({ hasText: `@${eve.handle}` })).toContainText('Suspended');
  await home.getByLabel('State', { exact: true }).selectOption('Active');
  await home.getByRole('button', { name: 'Search' }).click();
  await expect(home.getByText('No member is found.')).toBeVisible();
  await appealAs(browser, serverUrl, eve, 'Advertising in comments.');
  await openMember(home, eve);

  await home.getByRole('button', { name: 'Restore', exact: true }).click();
  await dialog.getByLabel('Reason').fill('It was no advertising.');
  await dialog.getByRole('button', { name: 'Restore' }).click();
  await expect(home.getByText('The account is active again.')).toBeVisible();
  await expect(home.getByRole('row').filter({ hasText: 'Lifted' })).toContainText('It was no advertising.');
});

test('a role is given only to an account with a second factor; a reader is offered what it allows, and told what is missing', async ({ home, server, member }) => {
  await sendPassword(home, server, member);
  await expect(home.getByRole('heading', { level: 1, name: 'Your account has no role here' })).toBeFocused();
  await expect(home.getByRole('navigation', { name: 'Pages' })).toHaveCount(0);
  expect(await violations(home)).toEqual([]);
  await home.getByRole('main').getByRole('button', { name: 'Sign out' }).click();
  await expect(give(server, member.handle, 'viewer')).rejects.toThrow(/no second factor/);
  const key = await enrol(home);
  await give(server, member.handle, 'developer');
  await openConsole(home, server, member, key);
  await expect(home.getByRole('navigation', { name: 'Pages' }).getByRole('link')).toHaveText(['Members', 'Mails', 'Processes', 'Logs', 'Timed jobs', 'Dead letters', 'Flags', 'Configuration']);
  await openMember(home, member);
  await expect(home.getByRole('button', { name: 'Give a role' })).toHaveCount(0);
  await expect(home.getByRole('heading', { name: 'Sanctions' })).toHaveCount(0);
  await home.goto(`${server.adminUrl}/audit`);
  await expect(home.getByRole('heading', { level: 1, name: 'Not for your role' })).toBeVisible();
  await expect(home.getByText('This page needs the role operator.')).toBeVisible();
});
