// Proves that every text of the page is in the message files: walks all pages and dialogs of a build in the pseudo-locale,
// whose texts have no plain letter, and reports each text and each label that has one. What members and the server
// wrote is left out: it is marked translate="no", or it is in `content`.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { promisify } from 'node:util';
import type { BrowserContext, Page } from '@playwright/test';
import { accent } from '../src/messages/pseudo.js';
import { expect, test } from './fixtures';
import { CONTENT_TYPES } from './pageProxy';

const DIST = 'node_modules/.pseudo/dist';

// In this build every language has the texts of the pseudo-locale. Dates, sizes and numbers of this one have no Latin
// letters, so they need no exception.
test.use({ locale: 'ar-EG', viewport: { width: 1280, height: 800 } });

/** Words that are the same in all languages. */
const NAMES = ['Chrome', 'Linux', 'JPEG', 'MPEG', 'MP4'];

/** Serves the files of the pseudo-locale instead of the page's; everything else still comes from the server. */
async function servePseudoLocale(context: BrowserContext, serverUrl: string): Promise<void> {
  const policy = (await fetch(serverUrl)).headers.get('content-security-policy') ?? '';
  await context.route(/^[^?#]*\/\/[^/]+\/(?!v1\/|\.well-known\/)/, async (route) => {
    const path = new URL(route.request().url()).pathname;
    const file = /\.\w+$/.test(path) && !path.startsWith('/u/') ? path : '/index.html';
    const body = await readFile(join(DIST, file)).catch(() => null);
    if (body === null) return route.fulfill({ status: 404 });
    const headers: Record<string, string> = policy ? { 'Content-Security-Policy': policy } : {};
    return route.fulfill({ body, headers, contentType: CONTENT_TYPES[extname(file)] ?? 'application/octet-stream' });
  });
}

/** Every text node, label and title that still has a plain letter once `content` is taken out of it. */
function plainTexts(page: Page, content: readonly string[]): Promise<string[]> {
  return page.evaluate((known) => {
    const found: string[] = [];
    const check = (text: string, where: string): void => {
      const rest = known.reduce((left, part) => left.replaceAll(part, ''), text);
      if (/[A-Za-z]/.test(rest)) found.push(`${where}: ${text.trim()}`);
    };
    const isContent = (element: Element | null): boolean => Boolean(element?.closest('[translate="no"], script, style, noscript'));
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const parent = node.parentElement;
      const isKey = parent?.tagName === 'KBD' && node.textContent?.length === 1;
      if (!isContent(parent) && !isKey) check(node.textContent ?? '', `<${parent?.tagName.toLowerCase()}>`);
    }
    for (const name of ['aria-label', 'aria-valuetext', 'aria-description', 'placeholder', 'title', 'alt']) {
      for (const element of document.querySelectorAll(`body [${name}]`)) {
        if (!isContent(element)) check(element.getAttribute(name) ?? '', name);
      }
    }
    check(document.title, 'document.title');
    return found;
  }, [...content].sort((a, b) => b.length - a.length));
}

test('no page and no dialog has a text outside the message files', async ({ context, page, files, member, serverUrl }) => {
  if (!process.env['TUTTI_PSEUDO_BUILT']) await promisify(execFile)('node_modules/.bin/vite', ['build', '--logLevel', 'warn'], { env: { ...process.env, TUTTI_LOCALE: 'en-XA' } });
  await servePseudoLocale(context, serverUrl);

  const content = [...NAMES, member.handle, member.email, ...Object.values(files).map((path) => basename(path))];
  // Sentences of the server are not the page's to translate.
  page.on('response', async (response) => {
    if (!response.headers()['content-type']?.includes('problem+json')) return;
    const problem = (await response.json().catch(() => ({}))) as { detail?: string };
    if (problem.detail) content.push(problem.detail);
  });

  const plain = new Set<string>();
  const visited: string[] = [];
  const check = async (what: string): Promise<void> => {
    visited.push(what);
    // Toasts and announcements follow a moment later.
    await page.waitForTimeout(150);
    for (const text of await plainTexts(page, content)) plain.add(`${what} → ${text}`);
  };
  const main = page.locator('main');
  const dialog = page.locator('dialog[open]');
  const open = async (path: string, ready = 'main h1'): Promise<void> => {
    await page.goto(path);
    await page.waitForSelector(ready);
  };
  const closeDialog = async (): Promise<void> => {
    await page.keyboard.press('Escape');
    await expect(dialog).toHaveCount(0);
  };

  // Visitors.
  await open('/');
  await expect(main.locator('h1')).toHaveText(`[${accent('Everyone')}] [${accent('plays.')}]`);
  await check('welcome');
  for (let press = 0; press < 3; press += 1) {
    await page.locator('header nav button').first().click();
    await check(`theme ${press}`);
  }
  for (const path of ['/sign-in', '/forgot', '/reset', '/confirm', '/nowhere', '/settings', '/m/5kT0vYq8Zb3mXw1RcHs9Ga', '/albums/5kT0vYq8Zb3mXw1RcHs9Ga', '/embed/5kT0vYq8Zb3mXw1RcHs9Ga', '/s/5kT0vYq8Zb3mXw1RcHs9Ga', '/u/nosuchmember', '/p/0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60']) {
    await open(path);
    await check(path);
  }
  await page.route('**/assets/JoinPage-*.js', (route) => route.abort());
  await open('/join');
  await check('a page that cannot be loaded');
  await page.unroute('**/assets/JoinPage-*.js');
  await open('/join', 'main form');
  await check('join');
  await main.locator('form button').click();
  await check('join, refused');
  await page.locator('input[name="username"]').fill(member.handle);
  await page.locator('input[name="email"]').fill(member.email);
  await page.locator('input[name="new-password"]').fill(member.password);
  await main.locator('form button').click();

  // The library and uploads.
  await page.waitForSelector('main section h2');
  await check('empty library');
  await page.locator('header nav button').nth(1).click();
  await check('upload dialog');
  await page.locator('dialog .tags input').fill('sea,');
  content.push('sea');
  const chooser = page.waitForEvent('filechooser');
  await page.locator('dialog .target').click();
  await (await chooser).setFiles([files.photo, files.song, files.clip, files.pdf]);
  const tray = page.locator('section:has(> header .toggle)');
  await expect(tray.locator('.reason')).toHaveCount(1);
  await check('upload tray');
  await expect(tray.locator('li[data-state="done"]')).toHaveCount(3);
  await check('uploads done');
  await page.route('**/v1/uploads', () => undefined);
  const another = page.waitForEvent('filechooser');
  await page.locator('header nav button').nth(1).click();
  await page.locator('dialog .target').click();
  await (await another).setFiles(files.large);
  const upload = tray.locator('li').filter({ hasText: basename(files.large) });
  await expect(upload).toHaveAttribute('data-state', 'sending');
  await check('uploading');
  await upload.locator('button').first().click();
  await check('paused');
  await page.unroute('**/v1/uploads');
  await page.evaluate(
    () =>
      new Promise((done, failed) => {
        const opening = indexedDB.open('tutti');
        opening.onerror = failed;
        opening.onsuccess = () => {
          const transaction = opening.result.transaction('files', 'readwrite');
          transaction.objectStore('files').clear();
          transaction.oncomplete = done;
        };
      }),
  );
  await page.reload();
  await expect(upload).toHaveAttribute('data-state', 'needs-file');
  await check('upload needs its file');
  await upload.locator('button').last().click();
  const transfer = await page.evaluateHandle(() => {
    const dragged = new DataTransfer();
    dragged.items.add(new File(['x'], 'dragged.png', { type: 'image/png' }));
    return dragged;
  });
  await page.dispatchEvent('main', 'dragenter', { dataTransfer: transfer });
  await check('drop zone');
  await page.dispatchEvent('main', 'dragleave', { dataTransfer: transfer });
  await page.route('**/v1/uploads', (route) => route.abort());
  const third = page.waitForEvent('filechooser');
  await page.locator('header nav button').nth(1).click();
  await page.locator('dialog .target').click();
  await (await third).setFiles(files.large);
  await expect(upload).toHaveAttribute('data-state', 'waiting');
  await check('server away during an upload');
  await upload.locator('button').last().click();
  await page.unroute('**/v1/uploads');

  const token = await fetch(`${serverUrl}/v1/sessions`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ login: member.handle, password: member.password, device: 'Linux' }),
  }).then(async (response) => ((await response.json()) as { access_token: string }).access_token);
  const items = async (): Promise<Item[]> => {
    const response = await fetch(`${serverUrl}/v1/media`, { headers: { Authorization: `Bearer ${token}` } });
    return ((await response.json()) as { items: Item[] }).items;
  };
  await expect(async () => expect((await items()).map((item) => item.state)).toEqual(['ready', 'ready', 'ready'])).toPass({ timeout: 300_000 });
  const idOf = async (kind: string): Promise<string> => (await items()).find((item) => item.kind === kind)?.id ?? '';
  const video = await idOf('video');

  await open('/', 'main .media-grid a');
  await main.locator('button.more').click();
  await check('library with filters');
  await main.locator('.filters button[aria-pressed]').click();
  await main.locator('.media-grid input').first().check();
  await check('a selection');
  for (const button of await page.locator('.selection-bar .actions button').all()) {
    if (await button.locator('path[d^="M12 4v11"]').count()) continue;
    await button.click();
    await check('a dialog of the selection');
    await closeDialog();
  }
  await page.keyboard.press('Escape');
  await open('/?state=ready&q=nothing', 'main section h2');
  await check('no results');
  await page.route('**/v1/media?*', (route) => route.abort());
  await open('/', 'main .note');
  await check('server away');
  await page.unroute('**/v1/media?*');

  // Items, also in the states that pass too quickly to be seen.
  await open(`/m/${video}`, 'section.player');
  await page.locator('section.player').hover({ position: { x: 200, y: 200 } });
  await page.locator('section.player .seek').hover({ position: { x: 100, y: 8 } });
  await check('video');
  await page.locator('section.player .anchor > button').click();
  await check('settings menu');
  await page.keyboard.press('Escape');
  await page.keyboard.press('m');
  await page.keyboard.press('?');
  await check('shortcuts');
  await closeDialog();
  const buttons = page.locator('section.details header button');
  await buttons.nth(0).click();
  await check('share a private item');
  await dialog.locator('.row button').first().click();
  await expect(dialog.locator('.link')).toBeVisible();
  await check('share an unlisted item');
  await dialog.locator('.link button').click();
  await check('copied');
  await closeDialog();
  await buttons.nth(1).click();
  await check('edit');
  await dialog.locator('form button.primary').click();
  await expect(dialog).toHaveCount(0);
  await check('saved');
  await buttons.last().click();
  await check('delete');
  await closeDialog();
  for (const state of ['received', 'processing', 'playable', 'failed']) {
    await page.route(`**/v1/media/${video}`, async (route) => {
      const response = await route.fetch();
      const item = (await response.json()) as object;
      const progress = { percent: 42, remaining_ms: 90_000 };
      return route.fulfill({ response, json: { ...item, state, progress: state === 'failed' ? null : progress, failure: null } });
    });
    await open(`/m/${video}`);
    await check(`video ${state}`);
    await page.unroute(`**/v1/media/${video}`);
    await page.route('**/v1/media?*', async (route) => {
      const response = await route.fetch();
      const { items: list } = (await response.json()) as { items: object[] };
      return route.fulfill({ response, json: { items: list.map((item) => ({ ...item, state, progress: { percent: 42 } })) } });
    });
    await open('/', 'main .media-grid a');
    await check(`library ${state}`);
    await page.unroute('**/v1/media?*');
  }
  await open(`/m/${await idOf('audio')}`, '.audio-player');
  await check('audio');
  await page.locator('.audio-player .play').click();
  await expect.poll(() => page.evaluate(() => document.querySelector('audio')?.paused)).toBe(false);
  await page.locator('header .home').click();
  await page.waitForSelector('.mini-player');
  await check('a song across pages');
  await open(`/m/${await idOf('photo')}`, 'figure img');
  await check('photo');
  await page.locator('figure button').click();
  await check('photo full screen');
  await page.keyboard.press('+');
  await check('photo zoomed');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');

  // Feeds, people and posts.
  for (const path of ['/feed', '/explore', '/tags/海', '/songs/5kT0vYq8Zb3mXw1RcHs9Ga', '/saved', '/pending-comments', '/threads/new', '/t/0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60', '/greetings', '/notifications', '/settings/notifications', '/g/5kT0vYq8Zb3mXw1RcHs9Ga']) {
    await open(path);
    await check(path);
  }
  await open('/follow-requests');
  await check('no follow requests');
  await open(`/u/${member.handle}/followers`);
  await check('followers');
  await open('/compose');
  await check('compose');
  await main.locator('form button.primary').last().click();
  await check('compose, refused');
  await main.locator('form .row button').first().click();
  await page.waitForSelector('dialog li');
  await check('choose from the library');
  await dialog.locator('li button').first().click();
  await dialog.locator('button.primary').last().click();
  await expect(dialog).toHaveCount(0);
  await main.locator('form button.primary').last().click();
  await page.waitForSelector('main article');
  await check('post');
  await main.locator('#comments textarea').fill('海');
  await main.locator('#comments form button').click();
  await page.waitForSelector('#comments li .about');
  await check('comment');
  await main.locator('article > .row:last-child button').first().click();
  await check('edit a post');
  await closeDialog();
  await main.locator('article > .row:last-child button').last().click();
  await check('delete a post');
  await dialog.locator('.row button').first().click();
  await expect(dialog).toHaveCount(0);
  await check('a post is deleted');

  // Albums. The photo is private.
  await open('/albums');
  await check('no albums');
  await main.locator('header button').click();
  await dialog.locator('form button.primary').click();
  await check('new album, refused');
  await dialog.locator('input[name="title"]').fill('海');
  await dialog.locator('form button.primary').click();
  await page.waitForSelector('main article h1');
  await check('empty album');
  const album = new URL(page.url()).pathname;
  await open(`/m/${await idOf('photo')}`, 'section.details');
  await buttons.nth(2).click();
  await expect(dialog.locator('li')).toHaveCount(1);
  await check('add to album');
  await dialog.locator('li button').click();
  await expect(dialog).toHaveCount(0);
  await check('added to album');
  await open(album, 'main .media-grid a');
  const albumButtons = main.locator('article header button');
  await albumButtons.nth(2).click();
  await check('arrange');
  await albumButtons.first().click();
  await check('share a private album');
  await dialog.locator('.row button').first().click();
  await expect(dialog.locator('.note.info')).toBeVisible();
  await check('share an album with private items');
  await closeDialog();
  await main.locator('li button').nth(2).click();
  await check('a cover is chosen');
  await albumButtons.last().click();
  await check('delete album');
  await closeDialog();
  await main.locator('li button').last().click();
  await expect(main.locator('li')).toHaveCount(0);
  await check('taken out');

  // The trash, empty and with an item.
  await open('/trash', 'main section h2');
  await check('empty trash');
  await open(`/m/${await idOf('photo')}`, 'section.details');
  await buttons.last().click();
  await dialog.locator('.row button').first().click();
  await expect(page).toHaveURL(/\/$/);
  await check('deleted');
  await open('/trash', 'main ul li');
  await check('trash');
  await main.locator('li button').last().click();
  await check('delete for good');
  await dialog.locator('.row button').first().click();
  await expect(main.locator('li')).toHaveCount(0);
  await check('deleted for good');

  // The account.
  await open('/settings', 'main section li');
  await check('settings');
  await page.locator('main input[type="file"]').setInputFiles(files.pdf);
  await expect(main.locator('.note.error')).toBeVisible();
  await check('no picture');
  await main.locator('form').first().locator('button').click();
  await check('profile saved');
  await main.locator('li button').first().click();
  await check('session revoked');
  await main.locator('section[aria-labelledby="email-title"] button').last().click();
  await check('change e-mail');
  await closeDialog();
  await main.locator('section[aria-labelledby="factors-title"] .row button').first().click();
  await expect(dialog.locator('form')).toBeVisible();
  await check('a second factor');
  await closeDialog();
  await main.locator('section').last().locator('button').click();
  await check('delete account');
  await closeDialog();
  const archive = { id: 'x', created_at: '2026-05-17T09:30:00Z', ready_at: null, expires_at: '2099-05-17T09:30:00Z', bytes: 12_345_678, missing_count: 2, url: null, error: null };
  for (const states of [['building', 'ready'], ['failed'], ['expired']]) {
    await page.route('**/v1/me/exports', (route) => route.fulfill({ json: { items: states.map((state) => ({ ...archive, id: state, state })), next: null } }));
    await open('/settings', '#export .note, #export > div > button');
    await check(`exports: ${states.join()}`);
    await page.unroute('**/v1/me/exports');
  }
  await page.route('**/v1/me/export', (route) => route.fulfill({ status: 403, contentType: 'application/problem+json', json: { code: 'auth.proof_required', detail: 'Prove it.', proofs: ['password'] } }));
  await main.locator('#export button').last().click();
  await expect(dialog.locator('input[type="password"]')).toBeFocused();
  await check('a proof');
  await closeDialog();
  await page.unroute('**/v1/me/export');

  // API keys.
  await open('/settings/api-keys', 'main section form');
  await check('no API keys');
  await main.locator('select[name="expiry"]').selectOption('date');
  await main.locator('form button').click();
  await check('a key, refused');
  await main.locator('select[name="expiry"]').selectOption('never');
  await main.locator('input[name="key-name"]').fill('海');
  for (const box of await main.locator('input[name="scopes"]').all()) await box.check();
  await main.locator('form button').click();
  await expect(dialog.locator('input')).toHaveValue(/^tutti_/);
  await check('a new key');
  await dialog.locator('.row button').last().click();
  await expect(main.locator('li')).toHaveCount(1);
  await check('a key');
  await main.locator('li button').click();
  await check('revoke a key');
  await dialog.locator('.row button').first().click();
  await expect(main.locator('li')).toHaveCount(0);
  await check('a key is revoked');
  await open(`/u/${member.handle}`);
  await check('member');
  await page.route('**/v1/sessions/refresh', (route) => route.abort());
  await open('/');
  await check('server unreachable');

  expect([...plain], `plain texts on ${visited.length} pages and dialogs`).toEqual([]);
});

interface Item {
  id: string;
  kind: string;
  state: string;
}
