// Proves that the page speaks the language of the browser, of the account or the one that is chosen, that it keeps that one,
// and that nothing overlaps or breaks where lines run from right to left.
import type { Page } from '@playwright/test';
import { basename } from 'node:path';
import { expect, OWNED, test, type Member } from './fixtures';
import { overlaps } from './overlaps';
import { violations } from './violations';

/** Signs in without reading a text of the page. */
async function signIn(page: Page, { handle, password }: Member): Promise<void> {
  await page.locator('input[name="username"]').fill(handle);
  await page.locator('input[name="password"]').fill(password);
  await page.locator('main form button').click();
}

const html = (page: Page) => page.locator('html');
/** The form with the language of the account. */
const region = (page: Page) => page.locator('section[aria-labelledby="region-title"]');

/** Changes the language of an account, which the page speaks after the sign-in. */
async function setLocale(serverUrl: string, { handle, password }: Member, locale: string): Promise<void> {
  const headers = { 'Content-Type': 'application/json' };
  const session = await fetch(`${serverUrl}/v1/sessions`, { method: 'POST', headers, body: JSON.stringify({ login: handle, password }) });
  const { access_token: token } = (await session.json()) as { access_token: string };
  const changed = await fetch(`${serverUrl}/v1/me`, { method: 'PATCH', headers: { ...headers, Authorization: `Bearer ${token}` }, body: JSON.stringify({ locale }) });
  expect(changed.ok, `changing the language: ${changed.status}`).toBe(true);
}

// The owner is shared with the tests of other files.
test.afterEach(({ owner, serverUrl }) => setLocale(serverUrl, owner, 'en'));

test.describe('a browser in Arabic', () => {
  test.use({ locale: 'ar-EG' });
  test.beforeEach(({ owner, serverUrl }) => setLocale(serverUrl, owner, 'ar-EG'));

  test('pages in Arabic run from right to left, nothing overlaps, and axe finds nothing', async ({ page, owner, files }) => {
    const check = async (what: string): Promise<void> => {
      for (const { colorScheme, ...viewport } of [{ width: 1440, height: 900, colorScheme: 'dark' }, { width: 390, height: 844, colorScheme: 'light' }] as const) {
        await page.setViewportSize(viewport);
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        await page.waitForTimeout(100);
        expect(await overlaps(page), `${what} at ${viewport.width} px`).toEqual([]);
        expect(await violations(page), `${what}, ${viewport.width} px, ${colorScheme}`).toEqual([]);
      }
      await expect(html(page)).toHaveAttribute('lang', 'ar');
      await expect(html(page)).toHaveAttribute('dir', 'rtl');
      await page.setViewportSize({ width: 1440, height: 900 });
    };
    for (const path of ['/', '/join', '/sign-in']) {
      await page.goto(path);
      await expect(page.locator('main h1')).toBeVisible();
      await check(path);
    }
    await signIn(page, owner);
    await expect(page.locator('.media-grid li')).toHaveCount(OWNED.length);
    await check('library');
    for (const file of [files.song, files.clip, files.photo]) {
      await page.locator('.media-grid a').filter({ hasText: basename(file) }).click();
      await expect(page.locator('main h1')).toHaveText(basename(file));
      await check(basename(file));
      await page.locator('header .home').click();
    }
    for (const path of ['/settings', '/settings/api-keys', '/settings/people', '/albums', '/trash', '/messages', '/messages/requests', '/messages/new']) {
      await page.goto(path);
      await expect(page.locator('main h1')).toBeVisible();
      await check(path);
    }
  });

  test('time runs from left to right in a player', async ({ page, owner, files }) => {
    await page.goto('/sign-in');
    await signIn(page, owner);
    await page.locator('.media-grid a').filter({ hasText: basename(files.clip) }).click();
    const seek = page.locator('.seek');
    await page.locator('section.player').hover({ position: { x: 200, y: 200 } });
    const box = (await seek.boundingBox())!;
    await seek.hover({ position: { x: box.width * 0.9, y: 8 } });
    // Nine tenths of twelve seconds.
    await expect(seek.locator('.hover-time')).toHaveText('٠:١٠');
    const handle = (await seek.locator('b').boundingBox())!;
    expect(handle.x).toBeLessThan(box.x + box.width / 2);
  });
});

test.describe('a browser in Spanish', () => {
  test.use({ locale: 'es-MX' });

  test('the page is in the language of the browser, or in English if that cannot be fetched', async ({ page }) => {
    await page.goto('/');
    await expect(html(page)).toHaveAttribute('lang', 'es');
    await expect(page.getByRole('heading', { name: 'Todos tocan.' })).toBeVisible();
    await page.route(/\/assets\/es-[\w-]+\.js$/, (route) => route.abort());
    await page.reload();
    await expect(page.getByRole('heading', { name: 'Everyone plays.' })).toBeVisible();
    await expect(html(page)).toHaveAttribute('lang', 'en');
  });
});

test('a chosen language is spoken at once, on every page, and after a reload', async ({ page, owner, serverUrl }) => {
  await setLocale(serverUrl, owner, 'fr-CA');
  await page.goto('/sign-in');
  await expect(html(page)).toHaveAttribute('lang', 'en');
  const select = page.locator('main .language select');
  await select.selectOption('fr');
  await expect(page.locator('main h1')).toHaveText('Bon retour');
  await expect(html(page)).toHaveAttribute('lang', 'fr');
  await expect(page).toHaveTitle(/Bon retour/);
  // The server's sentences are English; the page has its own.
  await signIn(page, { ...owner, password: 'every good girl does fine' });
  await expect(page.locator('main form .error')).toHaveText('L’identifiant, l’e-mail ou le mot de passe est incorrect. Vérifiez-les et réessayez.');
  await signIn(page, owner);
  await expect(page.locator('.media-grid li')).toHaveCount(OWNED.length);

  // A member's language is the account's: there is one control for it, and none of the browser's.
  await page.evaluate(() => Object.assign(window, { wasNotReloaded: true }));
  await page.locator('header .account').click();
  await expect(page.locator('main h1')).toHaveText('Paramètres');
  await expect(page.locator('.language select')).toHaveCount(0);
  const locale = page.locator('select[name="locale"]');
  await expect(locale).toHaveValue('fr-CA');
  await locale.selectOption('ar');
  await region(page).locator('button.primary').click();
  await expect(page.locator('main h1')).toHaveText('الإعدادات');
  await expect(html(page)).toHaveAttribute('dir', 'rtl');
  expect(await page.evaluate(() => 'wasNotReloaded' in window)).toBe(true);
  await page.reload();
  await expect(page.locator('main h1')).toHaveText('الإعدادات');
  await expect(locale).toHaveValue('ar');
  await locale.selectOption('en');
  await region(page).locator('button.primary').click();
  await expect(page.locator('main h1')).toHaveText('Settings');
  await expect(html(page)).toHaveAttribute('dir', 'ltr');
});

test('the language of the account is spoken after the sign-in; one that the page lacks leaves it as it is', async ({ page, owner, serverUrl }) => {
  await setLocale(serverUrl, owner, 'es-MX');
  await page.goto('/sign-in');
  await expect(html(page)).toHaveAttribute('lang', 'en');
  await signIn(page, owner);
  await expect(page.locator('.media-grid li')).toHaveCount(OWNED.length);
  await expect(html(page)).toHaveAttribute('lang', 'es');
  await page.locator('header .account').click();
  await expect(page.locator('main h1')).toHaveText('Ajustes');
  await expect(page.locator('select[name="locale"]')).toHaveValue('es-MX');
  await setLocale(serverUrl, owner, 'sv-SE');
  await page.reload();
  await expect(page.locator('select[name="locale"]')).toHaveValue('sv-SE');
  await expect(page.locator('main h1')).toHaveText('Ajustes');
});

test('a language that cannot be fetched changes nothing, and says so', async ({ page }) => {
  await page.goto('/sign-in');
  await page.route(/\/assets\/es-[\w-]+\.js$/, (route) => route.abort());
  const select = page.locator('main .language select');
  await select.selectOption('es');
  await expect(page.getByText('This language could not be loaded.')).toBeVisible();
  await expect(select).toHaveValue('en');
  await expect(page.getByRole('heading', { name: 'Welcome back' })).toBeVisible();
});
