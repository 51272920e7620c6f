// Proves that pages are loaded when they are visited, that a page that cannot be fetched can be tried again, and that the
// focus and the announcement follow every change of page.
import { basename } from 'node:path';
import type { Page } from '@playwright/test';
import { addFiles, expect, test, waitUntilReady } from './fixtures';

const scripts = (page: Page): string[] => {
  const names: string[] = [];
  page.on('request', (request) => {
    const name = /\/assets\/([\w.]+)-[\w-]+\.js$/.exec(request.url())?.[1];
    if (name) names.push(name);
  });
  return names;
};

test('a page is fetched with its first visit, and not before', async ({ page }) => {
  const loaded = scripts(page);
  await page.goto('/');
  await expect(page.getByRole('heading', { name: 'Everyone plays.' })).toBeVisible();
  expect(loaded).toContain('WelcomePage');
  for (const other of ['LibraryPage', 'MediaPage', 'SettingsPage', 'JoinPage', 'hls']) expect(loaded).not.toContain(other);
  // The pointer over a link already fetches the page.
  await page.getByRole('main').getByRole('link', { name: 'Join' }).hover();
  await expect.poll(() => loaded).toContain('JoinPage');
});

test('what every site is asked for by browsers and crawlers is there, and no page in its place', async ({ request }) => {
  for (const [path, type] of [['/favicon.ico', /^image\//], ['/robots.txt', /^text\/plain/]] as const) {
    const response = await request.get(path);
    expect([path, response.status()]).toEqual([path, 200]);
    expect(response.headers()['content-type']).toMatch(type);
  }
  expect((await request.get('/no-such-page')).status()).toBe(404);
});

test('a page that cannot be fetched says so and can be tried again', async ({ page }) => {
  await page.goto('/');
  await expect(page.getByRole('heading', { name: 'Everyone plays.' })).toBeVisible();
  await page.route('**/assets/JoinPage-*.js', (route) => route.abort());
  await page.getByRole('main').getByRole('link', { name: 'Join' }).click();
  const heading = page.getByRole('heading', { name: 'This page could not be loaded' });
  await expect(heading).toBeFocused();
  await expect(page).toHaveTitle('This page could not be loaded · Tutti');
  await page.unroute('**/assets/JoinPage-*.js');
  await page.getByRole('button', { name: 'Try again' }).click();
  await expect(page.getByRole('heading', { name: 'Join Tutti' })).toBeVisible();
  await expect(page).toHaveURL(/\/join$/);
});

test('the focus and the title follow a page that first fetches its data', async ({ home, files, member }) => {
  await addFiles(home, files.photo);
  await waitUntilReady(home, basename(files.photo));
  const tile = home.locator('.media-grid').getByRole('link').first();
  const url = await tile.getAttribute('href');
  await home.goto('/settings');
  await home.getByRole('link', { name: 'View public profile' }).click();
  await expect(home.getByRole('heading', { level: 1, name: member.handle })).toBeFocused();
  await expect(home).toHaveTitle(`${member.handle} · Tutti`);
  await home.goBack();
  await expect(home.getByRole('heading', { level: 1, name: 'Settings' })).toBeFocused();
  await expect(home).toHaveTitle('Settings · Tutti');
  // An item that the page does not know yet, by history alone: no reload.
  await home.evaluate((to) => {
    history.pushState(null, '', to);
    dispatchEvent(new PopStateEvent('popstate'));
  }, url);
  await expect(home.getByRole('heading', { level: 1, name: basename(files.photo) })).toBeFocused();
  await expect(home.locator('[aria-live]').filter({ hasText: `${basename(files.photo)} · Tutti` })).toHaveCount(1);
});

test('what one member has seen is gone when another signs in', async ({ home, files, member }) => {
  await addFiles(home, files.photo);
  await waitUntilReady(home, basename(files.photo));
  await home.goto('/settings');
  await home.getByRole('button', { name: 'Sign out', exact: true }).click();
  await expect(home.getByRole('heading', { name: 'Everyone plays.' })).toBeVisible();
  await home.getByRole('main').getByRole('link', { name: 'Join' }).click();
  await home.getByLabel('Handle').fill(`${member.handle}b`);
  await home.getByLabel('E-mail').fill(`b${member.email}`);
  await home.getByLabel('Password').fill(member.password);
  await home.getByRole('main').getByRole('button', { name: 'Join' }).click();
  await expect(home.getByText('Your library is empty')).toBeVisible();
  await expect(home.getByText(basename(files.photo))).toHaveCount(0);
});
