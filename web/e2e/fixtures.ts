// Owns the fixtures of the browser tests: a server with an empty data folder for each worker, generated media files, a new
// member for each test, one member with a filled library for the tests that change no item, and a page whose test fails
// when the browser reports an error.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { test as base, expect, type Page } from '@playwright/test';
import { PageProxy } from './pageProxy';

export { expect };

const run = promisify(execFile);
const binary = resolve(process.env['TUTTI_BIN'] ?? '../target/debug/tutti');

/** Runs a command of the binary; what it says about an error is in the failure. */
export const tutti = (...args: string[]): Promise<unknown> => run(binary, args);

/** Runs ffmpeg; what it says about an error is in the failure. */
export const ffmpeg = (...args: string[]): Promise<unknown> => run('ffmpeg', ['-v', 'error', '-y', ...args]);

export interface Member {
  handle: string;
  email: string;
  password: string;
}

export interface Files {
  folder: string;
  photo: string;
  portrait: string;
  song: string;
  /** Must be converted, which takes longer than the first seconds of playback. */
  video: string;
  /** Small, for tests that need any video. */
  clip: string;
  /** Large enough to be interrupted. */
  large: string;
  pdf: string;
}

interface PerWorker {
  server: Server;
  files: Files;
  /** Has `OWNED` in the library, ready; shared by the worker's tests, which change none of its items. */
  owner: Member;
}
interface PerTest {
  serverUrl: string;
  member: Member;
  /** A page where `member` is signed in, at the library. */
  home: Page;
  /** A page where `owner` is signed in, at the library. */
  library: Page;
}

/** What `owner` has, oldest first. */
export const OWNED = ['song', 'clip', 'photo'] as const satisfies (keyof Files)[];

/** The URL of a server that runs already (`make fleet-test`): then no server is started, and none can be killed. */
export const fleet = process.env['TUTTI_URL'];

/** A build of the page to test instead of the one in the binary. */
const pageFolder = process.env['TUTTI_PAGE'];

/** The real binary on its own port, behind a fresh build of the page if TUTTI_PAGE names one. */
export class Server {
  readonly serverUrl: string;
  /** `null` where the page in the binary is tested. */
  readonly page: PageProxy | null;
  /** The URL of the operators' listener, and the console's page as `page`. */
  readonly adminUrl: string;
  readonly console: PageProxy | null;
  #process: ChildProcess | null = null;
  #log: string[] = [];

  constructor(
    readonly data: string,
    private readonly port: number,
    private readonly operations: number,
    pagePort: number,
    /** The port of an app on another origin, whose pages may call the API. */
    readonly appPort: number,
    private readonly admin: number,
    consolePort: number,
  ) {
    this.page = pageFolder && !fleet ? new PageProxy(pageFolder, pagePort, port) : null;
    this.console = pageFolder && !fleet ? new PageProxy(pageFolder, consolePort, admin, 'console.html') : null;
    this.adminUrl = `http://127.0.0.1:${this.console ? consolePort : admin}`;
    this.serverUrl = fleet ?? `http://127.0.0.1:${this.page ? pagePort : port}`;
  }

  async start(): Promise<void> {
    if (fleet) return;
    // The key with which it pushes to browsers, whose push service is on this machine (pushService.ts).
    const key = `${this.data}.vapid.pem`;
    await writeFile(key, (await run(binary, ['keys', 'vapid'])).stdout, { mode: 0o600 });
    const settings = [
      // Passwords that cost little: each test has a member of its own, and some have four.
      'accounts.argon2_memory_kib=1024',
      'accounts.argon2_passes=1',
      `gateway.allowed_origins=["http://127.0.0.1:${this.appPort}"]`,
      `notify.push_vapid_key_file=${key}`,
      'notify.push_vapid_subject=mailto:ops@example.org',
      'notify.push_allow_networks=["127.0.0.0/8"]',
    ];
    const args = ['serve', '--data', this.data, '--listen', `127.0.0.1:${this.port}`, '--ops-listen', `127.0.0.1:${this.operations}`, '--admin-listen', `127.0.0.1:${this.admin}`, ...settings.flatMap((setting) => ['--set', setting])];
    const started = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process = started;
    for (const stream of [started.stdout, started.stderr]) stream.on('data', (chunk: Buffer) => this.#log.push(String(chunk)));
    for (let tries = 0; tries < 600 && started.exitCode === null; tries += 1) {
      if (await fetch(`http://127.0.0.1:${this.port}/readyz`).then((response) => response.ok).catch(() => false)) {
        await this.console?.start();
        return this.page?.start();
      }
      await new Promise((next) => setTimeout(next, 100));
    }
    started.kill('SIGKILL');
    throw new Error(`The server did not start:\n${this.#log.join('')}`);
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await this.page?.stop();
    await this.console?.stop();
    const running = this.#process;
    if (!running || running.exitCode !== null) return;
    await new Promise<void>((done) => {
      const last = setTimeout(() => running.kill('SIGKILL'), 15_000);
      running.once('exit', () => {
        clearTimeout(last);
        done();
      });
      running.kill(signal);
    });
  }
}

let count = 0;

export const test = base.extend<PerTest, PerWorker>({
  server: [
    async ({}, use) => {
      const server = new Server(await mkdtemp(join(tmpdir(), 'tutti-e2e-')), await freePort(), await freePort(), await freePort(), await freePort(), await freePort(), await freePort());
      await server.start();
      await use(server);
      await server.stop('SIGTERM');
      await rm(server.data, { recursive: true, force: true });
      await rm(`${server.data}.vapid.pem`, { force: true });
    },
    { scope: 'worker', timeout: 300_000 },
  ],

  files: [
    async ({}, use) => {
      const files = await makeFiles();
      await use(files);
      await rm(files.folder, { recursive: true, force: true });
    },
    { scope: 'worker', timeout: 300_000 },
  ],

  owner: [
    async ({ server, files }, use, info) => {
      const owner = memberNamed(`owner${info.workerIndex}x${Date.now().toString(36)}`);
      await fill(server.serverUrl, owner, OWNED.map((file) => files[file]));
      await use(owner);
    },
    { scope: 'worker', timeout: 300_000 },
  ],

  serverUrl: async ({ server }, use) => use(server.serverUrl),

  baseURL: async ({ serverUrl }, use) => use(serverUrl),

  page: async ({ page }, use) => {
    const browserErrors = collectErrors(page);
    await use(page);
    expect(browserErrors, 'errors in the browser').toEqual([]);
  },

  member: async ({}, use) => {
    count += 1;
    await use(memberNamed(`ada${Date.now().toString(36)}${count}`));
  },

  home: async ({ page, member }, use) => {
    await signUp(page, member);
    await use(page);
  },

  library: async ({ page, owner }, use) => {
    await page.goto('/sign-in');
    await page.getByLabel('Handle or e-mail').fill(owner.handle);
    await page.getByLabel('Password').fill(owner.password);
    await page.getByRole('main').getByRole('button', { name: 'Sign in' }).click();
    await expect(page.locator('.media-grid li')).toHaveCount(OWNED.length);
    await use(page);
  },
});

export const memberNamed = (handle: string): Member => ({ handle, email: `${handle}@example.org`, password: 'every good boy does fine' });

/** Signs a member up and waits until the files are converted. */
async function fill(serverUrl: string, member: Member, paths: string[]): Promise<void> {
  const call = async <T>(path: string, init: RequestInit): Promise<T> => {
    const response = await fetch(`${serverUrl}/v1${path}`, init);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  };
  const json = { 'Content-Type': 'application/json' };
  await call('/accounts', { method: 'POST', headers: json, body: JSON.stringify(member) });
  const session = await call<{ access_token: string }>('/sessions', { method: 'POST', headers: json, body: JSON.stringify({ login: member.handle, password: member.password }) });
  const headers = { Authorization: `Bearer ${session.access_token}` };
  for (const path of paths) {
    const form = new FormData();
    form.append('file', new Blob([await readFile(path)]), basename(path));
    await call('/media', { method: 'POST', headers, body: form });
  }
  for (;;) {
    const { items } = await call<{ items: { state: string }[] }>('/media', { headers });
    if (items.every((item) => item.state === 'ready')) return;
    await new Promise((next) => setTimeout(next, 500));
  }
}

/** Collects uncaught errors and violations of the content policy. Responses with a status of 4xx are expected. */
export function collectErrors(page: Page): string[] {
  const browserErrors: string[] = [];
  page.on('pageerror', (error) => browserErrors.push(`uncaught: ${error.message}`));
  page.on('console', (message) => {
    // The second one is what Chromium says of Playwright's own scripts in the frame that shows a mail, which runs none.
    if (message.type() === 'error' && !/^(Failed to load resource|Blocked script execution in 'about:srcdoc')/.test(message.text())) browserErrors.push(message.text());
  });
  return browserErrors;
}

/** Creates an account on the page, as a visitor does. */
export async function signUp(page: Page, member: Member): Promise<void> {
  await page.goto('/join');
  await page.getByLabel('Handle').fill(member.handle);
  await page.getByLabel('E-mail').fill(member.email);
  await page.getByLabel('Password').fill(member.password);
  await page.getByRole('main').getByRole('button', { name: 'Join' }).click();
  await expect(page.getByText('Your library is empty')).toBeVisible();
}

/** Waits until the service worker has taken the page over. */
export async function untilInstalled(page: Page): Promise<void> {
  await page.evaluate(() => navigator.serviceWorker.ready);
  await expect.poll(() => page.evaluate(() => navigator.serviceWorker.controller?.state)).toBe('activated');
}

/** Adds files through the upload dialog, as a member does. */
export async function addFiles(page: Page, ...paths: string[]): Promise<void> {
  await page.getByRole('button', { name: /^Add/ }).and(page.locator(':visible')).first().click();
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: /Choose files/ }).click();
  await (await chooser).setFiles(paths);
}

/** Opens an item's page by its tile, once the library shows it. */
export async function openItem(page: Page, name: string): Promise<void> {
  await page.locator('.media-grid').getByRole('link', { name: new RegExp(`^${name.replaceAll('.', '\\.')}`) }).click();
  await expect(page.getByRole('heading', { level: 1, name })).toBeVisible();
}

/** Shows the player's controls, as a moving mouse does. */
export async function showControls(page: Page): Promise<void> {
  await page.mouse.move(300, 300);
  await page.locator('section.player').hover({ position: { x: 200, y: 200 } });
}

/** Waits until an item's tile no longer shows that it is converted. */
export async function waitUntilReady(page: Page, name: string): Promise<void> {
  await expect(page.locator('.media-grid').getByRole('link', { name: new RegExp(`^${name.replaceAll('.', '\\.')}(?!.*converting)`) })).toBeVisible({ timeout: 300_000 });
}

async function makeFiles(): Promise<Files> {
  const folder = await mkdtemp(join(tmpdir(), 'tutti-e2e-media-'));
  const at = (name: string): string => join(folder, name);
  const files: Files = {
    folder,
    photo: at('harbour.jpg'),
    portrait: at('tower.jpg'),
    song: at('waltz.mp3'),
    video: at('parade.mp4'),
    clip: at('swing.mp4'),
    large: at('archive.wav'),
    pdf: at('invoice.pdf'),
  };
  await Promise.all([
    ffmpeg('-f', 'lavfi', '-i', 'gradients=s=1800x1200:c0=0x0b6c75:c1=0xffb81c:c2=0xab3f10:n=3:seed=4', '-frames:v', '1', files.photo),
    ffmpeg('-f', 'lavfi', '-i', 'mandelbrot=s=900x1350:start_scale=0.6', '-frames:v', '1', files.portrait),
    ffmpeg('-f', 'lavfi', '-i', "aevalsrc='0.5*sin(2*PI*(220+110*floor(mod(t,4)))*t)*abs(sin(PI*t*0.7))':d=24", '-b:a', '128k', files.song),
    // One keyframe, so the video cannot be passed through without encoding.
    ffmpeg('-f', 'lavfi', '-i', 'testsrc2=s=1280x720:r=24:d=24', '-f', 'lavfi', '-i', 'sine=330:d=24', '-c:v', 'libx264', '-preset', 'ultrafast', '-g', '600', '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-shortest', files.video),
    ffmpeg('-f', 'lavfi', '-i', 'testsrc2=s=640x360:r=12:d=12', '-f', 'lavfi', '-i', 'sine=440:d=12', '-c:v', 'libx264', '-preset', 'ultrafast', '-g', '120', '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-shortest', files.clip),
    // Many bytes for its length: it is also converted.
    ffmpeg('-f', 'lavfi', '-i', 'anoisesrc=d=30:r=96000', '-ac', '2', files.large),
    writeFile(files.pdf, '%PDF-1.4\n1 0 obj << /Type /Catalog >> endobj\ntrailer << /Root 1 0 R >>\n%%EOF\n'),
  ]);
  return files;
}

/** A port that nothing listens at, below those that Linux gives to outgoing connections: such a one may be taken before it is used. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const isFree = await new Promise<boolean>((done) => {
      const probe = createServer();
      probe.once('error', () => done(false));
      probe.listen(port, '127.0.0.1', () => probe.close(() => done(true)));
    });
    if (isFree) return port;
  }
}
