// Owns the walk through pages of a build in the pseudo-locale, whose texts have no plain letter: each text and each label that has
// one is reported, because it is not in a message file. What members and the server wrote is left out: it is marked
// translate="no", or it is in `content`. The walks themselves are pseudo*.spec.ts.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { promisify } from 'node:util';
import type { BrowserContext, Locator, Page } from '@playwright/test';
import { expect, test as base, type Member } from './fixtures';
import { CONTENT_TYPES } from './pageProxy';

export { expect };

/** Words that are the same in all languages. */
const NAMES = ['Chrome', 'Linux', 'JPEG', 'MPEG', 'MP4'];

export interface Item {
  id: string;
  kind: string;
  state: string;
}

/** A walk through pages, and what was found on them. */
export interface Walk {
  main: Locator;
  dialog: Locator;
  /** Opens a page, and waits for what says that it is there. */
  open: (path: string, ready?: string) => Promise<void>;
  closeDialog: () => Promise<void>;
  /** Looks for plain letters on what is shown. */
  check: (what: string) => Promise<void>;
  /** Signs the member up. The library is shown then. */
  join: () => Promise<void>;
  /** Returns the token of another session of the member's. */
  token: () => Promise<string>;
  /** Adds words that are not the page's own. */
  ignore: (...words: string[]) => void;
}

/** Serves the files of the pseudo-locale instead of the page's; everything else still comes from the server. */
async function servePseudoLocale(context: BrowserContext, serverUrl: string, folder: string): Promise<void> {
  const policy = (await fetch(serverUrl)).headers.get('content-security-policy') ?? '';
  await context.route(/^[^?#]*\/\/[^/]+\/(?!v1\/|\.well-known\/)/, async (route) => {
    const path = new URL(route.request().url()).pathname;
    const file = /\.\w+$/.test(path) && !path.startsWith('/u/') ? path : '/index.html';
    const body = await readFile(join(folder, file)).catch(() => null);
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

/** The folder with the build, once a test of this worker has needed it. */
let folder: Promise<string> | null = null;

/** Builds the page in the pseudo-locale, unless `make test` has done so. Workers build beside each other. */
async function build(worker: number): Promise<string> {
  if (process.env['TUTTI_PSEUDO_BUILT']) return 'node_modules/.pseudo/dist';
  const own = `node_modules/.pseudo${worker}`;
  await promisify(execFile)('node_modules/.bin/vite', ['build', '--logLevel', 'warn'], { env: { ...process.env, TUTTI_LOCALE: 'en-XA', TUTTI_PSEUDO_DIR: own } });
  return join(own, 'dist');
}

export const test = base.extend<{ walk: Walk }>({
  // In this build every language has the texts of the pseudo-locale. Dates, sizes and numbers of this one have no Latin
  // letters, so they need no exception.
  locale: 'ar-EG',
  viewport: { width: 1280, height: 800 },

  walk: async ({ context, page, files, member, serverUrl }, use, info) => {
    await servePseudoLocale(context, serverUrl, await (folder ??= build(info.parallelIndex)));
    const content = [...NAMES, member.handle, member.email, ...Object.values(files).map((path) => basename(path))];
    // Sentences of the server are not the page's to translate.
    page.on('response', async (response) => {
      if (!response.headers()['content-type']?.includes('problem+json')) return;
      const problem = (await response.json().catch(() => ({}))) as { detail?: string };
      if (problem.detail) content.push(problem.detail);
    });
    const plain = new Set<string>();
    const visited: string[] = [];
    const main = page.locator('main');
    const dialog = page.locator('dialog[open]');
    const open = async (path: string, ready = 'main h1'): Promise<void> => {
      await page.goto(path);
      await page.waitForSelector(ready);
    };
    await use({
      main,
      dialog,
      open,
      closeDialog: async () => {
        await page.keyboard.press('Escape');
        await expect(dialog).toHaveCount(0);
      },
      check: async (what) => {
        visited.push(what);
        // Toasts and announcements follow a moment later.
        await page.waitForTimeout(150);
        for (const text of await plainTexts(page, content)) plain.add(`${what} → ${text}`);
      },
      join: async () => {
        await open('/join', 'main form');
        await fillIn(page, member);
        await page.waitForSelector('main section h2');
      },
      token: () => signIn(serverUrl, member),
      ignore: (...words) => void content.push(...words),
    });
    expect(visited.length).toBeGreaterThan(0);
    expect([...plain], `plain texts on ${visited.length} pages and dialogs`).toEqual([]);
  },
});

/** Fills the form in with which a visitor becomes a member, and sends it. */
async function fillIn(page: Page, member: Member): Promise<void> {
  await page.locator('input[name="username"]').fill(member.handle);
  await page.locator('input[name="email"]').fill(member.email);
  await page.locator('input[name="new-password"]').fill(member.password);
  await page.locator('main form button').click();
}

async function signIn(serverUrl: string, member: Member): Promise<string> {
  const response = await fetch(`${serverUrl}/v1/sessions`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ login: member.handle, password: member.password, device: 'Linux' }),
  });
  return ((await response.json()) as { access_token: string }).access_token;
}
