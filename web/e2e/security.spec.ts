// Proves what a script in the page, a page of another site and a link cannot do: read the session, use it, frame the
// page, or lead to another site.
import { createServer, type Server as Http } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BrowserContext, Page } from '@playwright/test';
import { expect, collectErrors, test, type Member } from './fixtures';

const COOKIE = '__Host-tutti-session';

const sessionOf = async (context: BrowserContext) => (await context.cookies()).filter((cookie) => cookie.name === COOKIE);

/** Everything that a script of the page can read and that survives a reload. */
const readable = (page: Page): Promise<string> =>
  page.evaluate(() => JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }]));

async function signIn(page: Page, member: Member): Promise<void> {
  await page.getByLabel('Handle or e-mail').fill(member.handle);
  await page.getByLabel('Password').fill(member.password);
  await page.getByRole('main').getByRole('button', { name: 'Sign in' }).click();
}

/** A page on another origin. */
async function elsewhere(html: string): Promise<{ url: string; close: () => void }> {
  const server: Http = createServer((_, response) => response.setHeader('Content-Type', 'text/html').end(html));
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  return { url: `http://localhost:${(server.address() as AddressInfo).port}/`, close: () => server.close() };
}

test('no script can read the session, and it outlives a reload', async ({ home, context }) => {
  const [cookie, ...more] = await sessionOf(context);
  expect(more).toEqual([]);
  expect(cookie).toMatchObject({ httpOnly: true, secure: true, sameSite: 'Strict', path: '/' });
  expect(cookie!.value).toHaveLength(64);
  const seen = await readable(home);
  expect(seen).not.toContain(cookie!.value);
  expect(seen).not.toContain('eyJ');
  expect(JSON.parse(seen)).toEqual(['', { 'tutti.session': 'in', 'tutti.language': 'en-US' }, {}]);

  await home.reload();
  await expect(home.getByText('Your library is empty')).toBeVisible();
  const [renewed] = await sessionOf(context);
  expect(renewed!.value).not.toBe(cookie!.value);
  expect(await readable(home)).not.toContain(renewed!.value);
});

test('signing out takes the cookie away, and a visitor asks for no session', async ({ home, context }) => {
  await home.goto('/settings');
  await home.getByRole('button', { name: 'Sign out', exact: true }).click();
  await expect(home.getByRole('heading', { name: 'Everyone plays.' })).toBeVisible();
  expect(await sessionOf(context)).toEqual([]);
  const asked: string[] = [];
  home.on('request', (request) => asked.push(new URL(request.url()).pathname));
  await home.goto('/');
  await expect(home.getByRole('heading', { name: 'Everyone plays.' })).toBeVisible();
  expect(asked.filter((path) => path.startsWith('/v1/sessions'))).toEqual([]);
});

test('a sign-out that does not reach the server is made up for at the next load', async ({ home, context }) => {
  await home.goto('/settings');
  await expect(home.getByRole('button', { name: 'Sign out', exact: true })).toBeVisible();
  await context.route('**/v1/sessions/current', (route) => route.abort());
  await home.getByRole('button', { name: 'Sign out', exact: true }).click();
  await expect(home.getByRole('heading', { name: 'Everyone plays.' })).toBeVisible();
  await home.reload();
  await expect(home.getByRole('heading', { name: 'Everyone plays.' })).toBeVisible();
  expect(await sessionOf(context)).toHaveLength(1);
  await context.unroute('**/v1/sessions/current');
  await home.reload();
  await expect(home.getByRole('heading', { name: 'Everyone plays.' })).toBeVisible();
  await expect.poll(() => sessionOf(context)).toEqual([]);
});

test('signing out everywhere reaches the other browser', async ({ home, member, browser, serverUrl }) => {
  const context = await browser.newContext({ baseURL: serverUrl });
  const other = await context.newPage();
  await other.goto('/sign-in');
  await signIn(other, member);
  await expect(other.getByText('Your library is empty')).toBeVisible();
  await home.goto('/settings');
  await home.getByRole('button', { name: 'Sign out everywhere' }).click();
  await expect(home.getByRole('heading', { name: 'Everyone plays.' })).toBeVisible();
  await other.reload();
  await expect(other.getByRole('heading', { name: 'Everyone plays.' })).toBeVisible();
  await context.close();
});

test('a token of a page from before is exchanged for a cookie, once, also by two tabs at once', async ({ page, context, member, request }) => {
  const response = await request.post('/v1/accounts', { data: member });
  const { refresh_token: old } = (await response.json()) as { refresh_token: string };
  await page.goto('/sign-in');
  await page.evaluate((token) => localStorage.setItem('tutti.refresh', token), old);
  const tab = await context.newPage();
  await Promise.all([page.goto('/'), tab.goto('/')]);
  for (const each of [page, tab]) await expect(each.getByText('Your library is empty')).toBeVisible();
  expect(await sessionOf(context)).toHaveLength(1);
  expect(JSON.parse(await readable(page))).toEqual(['', { 'tutti.session': 'in', 'tutti.language': 'en' }, {}]);
  await page.reload();
  await expect(page.getByText('Your library is empty')).toBeVisible();
});

test('a page on another site can neither use the session nor frame us', async ({ home, context, serverUrl }) => {
  const [before] = await sessionOf(context);
  const { url, close } = await elsewhere(`<!doctype html><title>Elsewhere</title>
    <form method="post" action="${serverUrl}/v1/sessions/refresh" target="answer"><button>Win</button></form><iframe name="answer"></iframe>
    <iframe src="${serverUrl}/" id="page"></iframe><iframe src="${serverUrl}/docs/" id="docs"></iframe>`);
  const evil = await context.newPage();
  const refused: string[] = [];
  evil.on('console', (message) => refused.push(message.text()));
  await evil.goto(url);
  // Neither the page nor the documentation appears in a frame.
  await expect.poll(() => refused.filter((text) => text.includes('frame-ancestors')).length).toBeGreaterThanOrEqual(2);
  for (const id of ['page', 'docs']) await expect(evil.frameLocator(`#${id}`).getByText(/Tutti|Swagger|tutti/)).toHaveCount(0);

  const form = evil.waitForResponse((response) => response.url().endsWith('/v1/sessions/refresh'));
  await evil.getByRole('button').click();
  const response = await form;
  expect([400, 403, 415]).toContain(response.status());
  expect(await response.headerValue('set-cookie')).toBeNull();

  const attempts = await evil.evaluate(async (target) => {
    const outcomes: string[] = [];
    const tries: RequestInit[] = [
      { method: 'POST', credentials: 'include' },
      { method: 'POST', credentials: 'include', headers: { 'Tutti-Session': 'cookie' } },
      { method: 'POST', credentials: 'include', mode: 'no-cors', headers: { 'Tutti-Session': 'cookie' } },
      { method: 'DELETE', credentials: 'include', headers: { 'Tutti-Session': 'cookie' } },
    ];
    for (const init of tries) {
      const path = init.method === 'DELETE' ? '/v1/sessions/current' : '/v1/sessions/refresh';
      outcomes.push(await fetch(target + path, init).then((response) => (response.type === 'opaque' ? 'unread' : `read ${response.status}`), () => 'refused'));
    }
    return outcomes;
  }, serverUrl);
  expect(attempts).toEqual(['refused', 'refused', 'refused', 'refused']);

  // The session is as it was.
  expect(await sessionOf(context)).toEqual([before]);
  await home.reload();
  await expect(home.getByText('Your library is empty')).toBeVisible();
  close();
});

test('?to= leads back to this page and nowhere else', async ({ home, member, serverUrl }) => {
  await home.goto('/settings');
  await home.getByRole('button', { name: 'Sign out', exact: true }).click();
  await expect(home.getByRole('heading', { name: 'Everyone plays.' })).toBeVisible();
  await home.goto('/sign-in?to=/settings%3Fa%3Db');
  await signIn(home, member);
  await expect(home).toHaveURL(`${serverUrl}/settings?a=b`);
  // With a session the page redirects at once.
  for (const to of ['/\\evil.example', '//evil.example', '/%09/evil.example', '/%5Cevil.example', '%2F%2Fevil.example', '/.//evil.example', 'https://evil.example', 'javascript:alert(1)', '/docs']) {
    await home.goto(`/sign-in?to=${to}`);
    await expect(home.getByText('Your library is empty'), to).toBeVisible();
    expect(home.url(), to).toBe(`${serverUrl}/`);
  }
});

test('the documentation renders under its content policy, and an operation can be tried with a pasted token', async ({ page, request, member }) => {
  const browserErrors = collectErrors(page);
  const response = await request.post('/v1/accounts', { data: member });
  const { access_token: token } = (await response.json()) as { access_token: string };
  await page.goto('/docs');
  await expect(page.getByRole('heading', { name: /Tutti/ })).toBeVisible();
  await page.getByRole('button', { name: 'Authorize' }).first().click();
  await page.locator('.modal-ux input').fill(token);
  await page.locator('.modal-ux').getByRole('button', { name: /^(Apply credentials|Authorize)$/ }).click();
  await page.locator('.modal-ux').getByRole('button', { name: 'Close' }).click();
  const operation = page.locator('#operations-accounts-show_me');
  await operation.locator('.opblock-summary').click();
  await operation.getByRole('button', { name: 'Try it out' }).click();
  await operation.getByRole('button', { name: 'Execute' }).click();
  await expect(operation.locator('.live-responses-table tr.response .response-col_status').first()).toContainText('200');
  await expect(operation.locator('.live-responses-table')).toContainText(member.handle);
  expect(browserErrors).toEqual([]);
  // The pasted token stays in memory only.
  expect(await readable(page)).not.toContain(token);
});
