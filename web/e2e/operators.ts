// Owns what the tests of the operators' console share: an operator who was made on the machine and has a second factor, a page where
// they are signed in, and how pages and members are opened.
import type { Page } from '@playwright/test';
import { appCode } from './authenticator';
import { collectErrors, expect, memberNamed, signUp, test as base, tutti, type Member, type Server } from './fixtures';

export { expect };

const DESKTOP = { width: 1440, height: 900 };
/** The pages of the navigation, as an operator sees them. */
export const PAGES = ['Members', 'Media', 'Moderation', 'Known pictures', 'Reports', 'Mails', 'Processes', 'Logs', 'Timed jobs', 'Dead letters', 'Flags', 'Configuration', 'Webhooks', 'Announcements', 'API keys', 'Audit trail'];

/** An operator whom the tests of a worker share, and a page where they are signed in to the console. */
interface Operator {
  member: Member;
  page: Page;
  browserErrors: string[];
}

export const test = base.extend<{ console: Page }, { operator: Operator }>({
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

/** Adds an authenticator app on the site, and returns its key. */
export async function enrol(home: Page): Promise<string> {
  await home.goto('/settings');
  await home.getByRole('button', { name: 'Add an authenticator app' }).click();
  const dialog = home.getByRole('dialog');
  const key = await dialog.locator('code').innerText();
  await dialog.getByLabel('Code', { exact: true }).fill(appCode(key));
  await dialog.getByRole('button', { name: 'Confirm' }).click();
  await expect(home.getByText('Your authenticator app is added.')).toBeVisible();
  return key;
}

/** Gives a role on the machine of the server. */
export const give = (server: Server, handle: string, role: string): Promise<unknown> => tutti('accounts', 'grant', handle, role, '--data', server.data, '--reason', 'a test');

/** Sends the password on the sign-in page of the console. */
export async function sendPassword(page: Page, server: Server, member: Member): Promise<void> {
  await page.goto(server.adminUrl);
  await page.getByLabel('Handle or e-mail').fill(member.handle);
  await page.getByLabel('Password').fill(member.password);
  await page.getByRole('main').getByRole('button', { name: 'Sign in' }).click();
}

/** Signs in to the console. The code that confirmed the app was used, so this is the next one. */
export async function openConsole(page: Page, server: Server, member: Member, key: string): Promise<void> {
  await sendPassword(page, server, member);
  await expect(page.getByLabel('Code', { exact: true })).toBeFocused();
  await page.getByLabel('Code', { exact: true }).fill(appCode(key, 1));
  await page.getByRole('button', { name: 'Confirm' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Members' })).toBeVisible();
}

/** Opens a page by the navigation. */
export async function openPage(page: Page, name: string): Promise<void> {
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name }).click();
  await expect(page.getByRole('heading', { level: 1, name })).toBeVisible();
}

/** Finds a member by the handle, and opens their page. */
export async function openMember(page: Page, { handle }: Member): Promise<void> {
  await openPage(page, 'Members');
  await page.getByRole('searchbox').fill(handle);
  await page.keyboard.press('Enter');
  await page.getByRole('rowheader').getByRole('link', { name: `@${handle}` }).click();
  await expect(page.getByRole('heading', { level: 1, name: handle })).toBeVisible();
}

/** Makes a member an operator, who signs in to the console. */
export async function becomeOperator(home: Page, server: Server, member: Member): Promise<void> {
  const key = await enrol(home);
  await give(server, member.handle, 'operator');
  await openConsole(home, server, member, key);
}
