// Proves that the operators' console can be used by everyone who may, on every screen, and that its listener has no page of the members'.
import type { Page } from '@playwright/test';
import { fleet } from './fixtures';
import { expect, openMember, PAGES, test } from './operators';
import { overlaps } from './overlaps';
import { violations } from './violations';

test.skip(fleet !== undefined, 'the roles are given on the machine of the server');

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
