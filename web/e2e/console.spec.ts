// Proves that an operator who was made on the machine, which needs a second factor, signs in to the console with it, finds a member, changes
// roles and standing with a reason, and reads it in the audit trail; looks after media, reports, mails, the fleet, webhooks and keys;
// and that the console can be used by everyone who may.
import type { Page } from '@playwright/test';
import { ApiClient } from './apiClient';
import { appCode } from './authenticator';
import { collectErrors, expect, fleet, memberNamed, signUp, test as base, tutti, type Member, type Server } from './fixtures';
import { overlaps } from './overlaps';
import { violations } from './violations';

const DESKTOP = { width: 1440, height: 900 };
const PAGES = ['Members', 'Media', 'Reports', 'Mails', 'Processes', 'Logs', 'Timed jobs', 'Dead letters', 'Flags', 'Configuration', 'Webhooks', 'API keys', 'Audit trail'];

/** An operator whom the tests of a worker share, and a page where they are signed in to the console. */
interface Operator {
  member: Member;
  page: Page;
  browserErrors: string[];
}

const test = base.extend<{ console: Page }, { operator: Operator }>({
  operator: [
    async ({ browser, server }, use) => {
      const context = await browser.newContext({ baseURL: server.serverUrl, serviceWorkers: 'block', viewport: DESKTOP });
      context.setDefaultTimeout(45_000);
      const page = await context.newPage();
      const browserErrors = collectErrors(page);
      const member = memberNamed(`olga${Date.now().toString(36)}`);
      await signUp(page, member);
      await becomeOperator(page, server, member);
      expect(browserErrors, 'errors in the browser').toEqual([]);
      await use({ member, page, browserErrors });
      await context.close();
    },
    { scope: 'worker', timeout: 300_000 },
  ],

  console: async ({ operator: { page, browserErrors }, server }, use) => {
    browserErrors.length = 0;
    await page.emulateMedia({ colorScheme: null, reducedMotion: null });
    await page.setViewportSize(DESKTOP);
    await page.goto(server.adminUrl);
    await expect(page.getByRole('heading', { level: 1, name: 'Members' })).toBeVisible();
    await use(page);
    expect(browserErrors, 'errors in the browser').toEqual([]);
  },
});

test.skip(fleet !== undefined, 'the roles are given on the machine of the server');

/** Adds an authenticator app on the site, and returns its key. */
async function enrol(home: Page): Promise<string> {
  await home.goto('/settings');
  await home.getByRole('button', { name: 'Add an authenticator app' }).click();
  const dialog = home.getByRole('dialog');
  const key = await dialog.locator('code').innerText();
  await dialog.getByLabel('Code', { exact: true }).fill(appCode(key));
  await dialog.getByRole('button', { name: 'Confirm' }).click();
  await expect(home.getByText('Your authenticator app is added.')).toBeVisible();
  return key;
}

const give = (server: Server, handle: string, role: string): Promise<unknown> => tutti('accounts', 'grant', handle, role, '--data', server.data, '--reason', 'a test');

async function sendPassword(page: Page, server: Server, member: Member): Promise<void> {
  await page.goto(server.adminUrl);
  await page.getByLabel('Handle or e-mail').fill(member.handle);
  await page.getByLabel('Password').fill(member.password);
  await page.getByRole('main').getByRole('button', { name: 'Sign in' }).click();
}

/** Signs in to the console. The code that confirmed the app was used, so this is the next one. */
async function openConsole(page: Page, server: Server, member: Member, key: string): Promise<void> {
  await sendPassword(page, server, member);
  await expect(page.getByLabel('Code', { exact: true })).toBeFocused();
  await page.getByLabel('Code', { exact: true }).fill(appCode(key, 1));
  await page.getByRole('button', { name: 'Confirm' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Members' })).toBeVisible();
}

async function openPage(page: Page, name: string): Promise<void> {
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name }).click();
  await expect(page.getByRole('heading', { level: 1, name })).toBeVisible();
}

/** Finds a member by the handle, and opens their page. */
async function openMember(page: Page, { handle }: Member): Promise<void> {
  await openPage(page, 'Members');
  await page.getByRole('searchbox').fill(handle);
  await page.keyboard.press('Enter');
  await page.getByRole('rowheader').getByRole('link', { name: `@${handle}` }).click();
  await expect(page.getByRole('heading', { level: 1, name: handle })).toBeVisible();
}

async function becomeOperator(home: Page, server: Server, member: Member): Promise<void> {
  const key = await enrol(home);
  await give(server, member.handle, 'operator');
  await openConsole(home, server, member, key);
}

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

test('a member is suspended with a reason and an end, and restored', async ({ browser, console: home, serverUrl }) => {
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
  await openMember(home, eve);

  await home.getByRole('button', { name: 'Restore', exact: true }).click();
  await dialog.getByLabel('Reason').fill('It was no advertising.');
  await dialog.getByRole('button', { name: 'Restore' }).click();
  await expect(home.getByText('The account is active again.')).toBeVisible();
  await expect(home.getByRole('row').filter({ hasText: 'Lifted' })).toContainText('It was no advertising.');
});

test('a reported post is read, removed with a reason, and its report is closed', async ({ console: home, request, serverUrl }) => {
  const author = memberNamed(`mallory${Date.now().toString(36)}`);
  const [writing, reporting] = await Promise.all([author, memberNamed(`nora${Date.now().toString(36)}`)].map((member) => ApiClient.signUp(serverUrl, member)));
  const text = `Buy now at ${author.handle}`;
  const post = await writing!.create<{ id: string }>('/v1/posts', { text, audience: 'public' });
  await reporting!.create('/v1/reports', { kind: 'post', id: post.id, reason: 'spam', text: 'Under every clip.' });

  await openPage(home, 'Reports');
  await home.getByLabel('Kind', { exact: true }).selectOption('Account');
  await home.getByRole('button', { name: 'Apply' }).click();
  await expect(home.getByText('No report is found.')).toBeVisible();
  await home.getByLabel('Kind', { exact: true }).selectOption('Post');
  await home.getByRole('button', { name: 'Apply' }).click();
  const row = home.getByRole('row').filter({ hasText: `@${author.handle}` });
  await expect(row).toContainText('Under every clip.');
  await row.getByRole('link', { name: 'Post: Advertising' }).click();
  await expect(home.getByText(text)).toBeVisible();
  expect(await violations(home)).toEqual([]);
  await home.getByRole('button', { name: 'Remove' }).click();
  const dialog = home.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Remove' }).click();
  await expect(dialog.getByText('Reason is missing.')).toBeVisible();
  await dialog.getByLabel('Reason').fill('Advertising.');
  await dialog.getByRole('button', { name: 'Remove' }).click();
  await expect(home.getByText('The decision is made.')).toBeVisible();
  await expect(home.getByText('It is gone: its author or a moderator has removed it.')).toBeVisible();
  await expect(home.getByRole('button', { name: 'Keep' })).toHaveCount(0);
  expect((await request.get(`${serverUrl}/v1/posts/${post.id}`)).status()).toBe(404);

  await openPage(home, 'Reports');
  await home.getByLabel('State', { exact: true }).selectOption('Closed');
  await home.getByRole('button', { name: 'Apply' }).click();
  await expect(row).toContainText('Removed');
});

test('an operator looks after media, mails, processes, logs, flags, webhooks and keys', async ({ console: home, operator: { member }, owner }) => {
  const dialog = home.getByRole('dialog');
  const confirm = async (reason: string, action: string): Promise<void> => {
    await dialog.getByLabel('Reason').fill(reason);
    await dialog.getByRole('button', { name: action, exact: true }).click();
  };

  // Media, by member; of all members only what failed.
  await openPage(home, 'Media');
  await home.getByLabel('State', { exact: true }).selectOption('Ready');
  await home.getByRole('button', { name: 'Apply' }).click();
  await expect(home.getByText('Only what failed is listed of all members.')).toBeVisible();
  await home.getByLabel('Member', { exact: true }).fill(`@${owner.handle}`);
  await home.getByRole('button', { name: 'Apply' }).click();
  await home.getByRole('rowheader').getByRole('link', { name: 'harbour' }).click();
  await expect(home.getByRole('heading', { level: 2, name: 'Renditions' })).toBeVisible();

  // A mail: its text, and its HTML in a frame that runs nothing.
  await openPage(home, 'Mails');
  await home.getByRole('row').filter({ hasText: member.email }).getByRole('rowheader').getByRole('link').last().click();
  await expect(home.getByText('That you opened this mail is in the audit trail')).toBeVisible();
  await expect(home.getByRole('heading', { level: 2, name: 'Content' })).toBeVisible();
  await expect(home.locator('pre')).toContainText(member.handle);
  expect(await violations(home)).toEqual([]);
  await home.getByRole('radio', { name: 'HTML' }).check();
  const frame = home.getByTitle('Content of the mail');
  await expect(frame).toHaveAttribute('sandbox', '');
  await expect(frame).toHaveAttribute('srcdoc', /default-src 'none'/);

  await openPage(home, 'Timed jobs');
  await home.getByRole('link', { name: /^All runs of/ }).first().click();
  await expect(home.getByRole('heading', { level: 1, name: 'History of a job' })).toBeVisible();
  await expect(home.getByRole('table')).toBeVisible();

  // The fleet is one process here.
  await openPage(home, 'Processes');
  await expect(home.getByText('The one process is ready.')).toBeVisible();
  await home.getByRole('link', { name: /^Configuration of/ }).click();
  await expect(home.getByRole('heading', { level: 1, name: 'Configuration' })).toBeVisible();
  await home.getByRole('searchbox').fill('admin.listen');
  await expect(home.getByRole('row').filter({ hasText: 'admin.listen' }).first()).toContainText('127.0.0.1');
  await openPage(home, 'Logs');
  await expect(home.getByRole('row').nth(1)).toBeVisible();
  await home.getByRole('button', { name: 'Follow' }).click();
  await expect(home.getByText('New lines come every three seconds.')).toBeVisible();
  await home.getByLabel('Contains', { exact: true }).fill('no line has this text');
  await home.getByRole('button', { name: 'Apply' }).click();
  await expect(home.getByText('No line is found.')).toBeVisible();

  // A flag is switched with a reason, and back.
  await openPage(home, 'Flags');
  await home.getByRole('button', { name: 'Switch off conversions' }).click();
  await confirm('A test of the flag.', 'Switch off');
  await expect(home.getByRole('row').filter({ hasText: 'conversions' })).toContainText('Off');
  await home.getByRole('button', { name: 'Switch on conversions' }).click();
  await confirm('The test is over.', 'Switch on');
  await expect(home.getByRole('row').filter({ hasText: 'conversions' })).toContainText('On');

  // A webhook: its secret is shown once.
  await openPage(home, 'Webhooks');
  await home.getByRole('button', { name: 'New webhook' }).click();
  await dialog.getByLabel('URL', { exact: true }).fill('https://hooks.example.org/tutti');
  await dialog.getByRole('button', { name: 'Create' }).click();
  await expect(dialog.getByText('Choose at least one event.')).toBeVisible();
  await dialog.getByRole('checkbox').first().check();
  await dialog.getByRole('button', { name: 'Create' }).click();
  await expect(dialog.getByLabel('Secret')).toHaveValue(/^whsec_/);
  expect(await violations(home)).toEqual([]);
  await home.keyboard.press('Escape');
  await expect(dialog.getByLabel('Secret')).toBeVisible();
  await dialog.getByRole('button', { name: 'I have saved it' }).click();
  await home.getByRole('rowheader').getByRole('link', { name: 'https://hooks.example.org/tutti' }).click();
  await home.getByRole('button', { name: 'Disable' }).click();
  await dialog.getByRole('button', { name: 'Disable' }).click();
  await expect(home.getByText('By an operator.')).toBeVisible();
  await home.getByRole('button', { name: 'New secret' }).click();
  await dialog.getByRole('button', { name: 'New secret' }).click();
  await expect(dialog.getByLabel('Secret')).toHaveValue(/^whsec_/);
  await dialog.getByRole('button', { name: 'I have saved it' }).click();
  expect(await violations(home)).toEqual([]);
  await home.getByRole('button', { name: 'Delete' }).click();
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await expect(home.getByRole('heading', { level: 1, name: 'Webhooks' })).toBeVisible();
  await expect(home.getByText('There are none.')).toBeVisible();

  // A key of the team, likewise.
  await openPage(home, 'API keys');
  await home.getByRole('button', { name: 'New key' }).click();
  await dialog.getByLabel('Name', { exact: true }).fill('Kiosk at the entrance');
  await dialog.getByRole('checkbox', { name: 'media:read' }).check();
  await confirm('The kiosk shows photos.', 'Create');
  await expect(dialog.getByLabel('API key')).toHaveValue(/^tutti/);
  await dialog.getByRole('button', { name: 'I have saved it' }).click();
  await home.getByRole('button', { name: 'Revoke Kiosk at the entrance' }).click();
  await confirm('The kiosk is gone.', 'Revoke');
  await expect(home.getByText('The key is revoked.')).toBeVisible();
  await expect(home.getByRole('row').filter({ hasText: 'Kiosk at the entrance' })).toHaveCount(0);
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

/** On a phone the pages are behind a button, which a keyboard opens and the next page closes. */
async function expectPagesOnPhone(page: Page): Promise<void> {
  await page.setViewportSize({ width: 390, height: 900 });
  const [button, links] = [page.getByRole('button', { name: 'Pages' }), page.getByRole('navigation', { name: 'Pages' })];
  await expect(links).toBeHidden();
  await button.focus();
  await page.keyboard.press('Enter');
  await expect(button).toHaveAttribute('aria-expanded', 'true');
  await expect(links.getByRole('link')).toHaveCount(PAGES.length);
  expect(await overlaps(page)).toEqual([]);
  expect(await violations(page)).toEqual([]);
  await page.keyboard.press('Enter');
  await expect(links).toBeHidden();
  await page.setViewportSize({ width: 1440, height: 900 });
}

test('axe finds nothing, nothing overlaps, and a keyboard reaches every page, light and dark, on a phone and a desktop', async ({ page, console: home, owner, server }) => {
  const expectUsable = async (shown: Page, what: string): Promise<void> => {
    for (const width of [390, 719, 720, 1440]) {
      await shown.setViewportSize({ width, height: 900 });
      await shown.waitForTimeout(50);
      expect(await overlaps(shown), `${what}, ${width} px`).toEqual([]);
    }
    for (const [colorScheme, width] of [['light', 390], ['dark', 1440]] as const) {
      await shown.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await shown.setViewportSize({ width, height: 900 });
      await shown.waitForTimeout(100);
      expect(await violations(shown), `${what}, ${width} px, ${colorScheme}`).toEqual([]);
    }
  };
  await page.goto(server.adminUrl);
  await expect(page.getByRole('heading', { level: 1, name: 'Sign in for operators' })).toBeVisible();
  await expectUsable(page, 'sign-in');
  await expect(home.getByRole('table')).toBeVisible();
  // The page that is open is the last one, so that each link leads to another page.
  for (const name of [...PAGES.slice(1), ...PAGES.slice(0, 1)]) {
    const link = home.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name });
    await link.focus();
    await home.keyboard.press('Enter');
    await expect(home.getByRole('heading', { level: 1, name })).toBeFocused();
    await expect(home.getByText('Loading…')).toHaveCount(0);
    await expectUsable(home, name);
    if (name === 'Media') await expectPagesOnPhone(home);
  }
  await openMember(home, owner);
  await expectUsable(home, 'a member');
  await home.getByRole('button', { name: 'Give a role' }).click();
  await home.getByRole('dialog').getByRole('button', { name: 'Give' }).click();
  expect(await violations(home)).toEqual([]);
  await home.keyboard.press('Escape');
  await expect(home.getByRole('button', { name: 'Give a role' })).toBeFocused();
  await home.goto(`${server.adminUrl}/nowhere`);
  await expect(home.getByRole('heading', { level: 1 })).toBeVisible();
  await expectUsable(home, 'a path that is not there');
});

test('neither listener has the page of the other', async ({ request, server, serverUrl }) => {
  test.skip(server.page !== null, 'a build of the page is in front of the listeners');
  const get = async (url: string): Promise<[number, string]> => {
    const response = await request.get(url);
    return [response.status(), await response.text()];
  };
  const [status, page] = await get(server.adminUrl);
  expect(status).toBe(200);
  const [script] = /\/assets\/console\/[\w-]+\.js/.exec(page) ?? [];
  expect(script).toBeDefined();
  expect((await get(`${server.adminUrl}${script}`))[0]).toBe(200);
  for (const path of [script, '/console.html']) expect((await get(`${serverUrl}${path}`))[0], path).toBe(404);
  const [own] = /\/assets\/[\w-]+\.js/.exec((await get(serverUrl))[1]) ?? [];
  for (const path of [own, '/index.html', '/sw.js', '/manifest.webmanifest']) expect((await get(`${server.adminUrl}${path}`))[0], path).toBe(404);
});
