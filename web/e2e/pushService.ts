// Owns a stand-in for the push service of a browser: it takes what the server pushes if its signature is right (RFC 8292), and opens
// it as the browser does, with the reference library (npm `http_ece`). And a page that is subscribed at it: Chromium without windows has no push service.
import { createECDH, createPublicKey, randomBytes, verify } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from '@playwright/test';
import encryptedContent from 'http_ece';

interface Subscription {
  endpoint: string;
  expirationTime: null;
  keys: { p256dh: string; auth: string };
}

/** A message as the service worker gets it. */
export type PushMessage = Record<'action' | 'group' | 'kind' | 'notice' | 'text' | 'url' | 'badge', string>;

export class PushService {
  /** What it has taken, opened, the oldest first. */
  readonly messages: string[] = [];
  readonly #key = createECDH('prime256v1');
  readonly #secret = randomBytes(16).toString('base64url');
  readonly #server: Server;

  private constructor() {
    this.#key.generateKeys();
    this.#server = createServer((request, response) => {
      // What cannot be read is refused.
      this.#take(request, response).catch(() => response.writeHead(400).end());
    });
  }

  static async start(): Promise<PushService> {
    const service = new PushService();
    await new Promise<void>((ready) => service.#server.listen(0, '127.0.0.1', ready));
    return service;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }

  get subscription(): Subscription {
    const { port } = this.#server.address() as AddressInfo;
    return { endpoint: `http://127.0.0.1:${port}/push/1`, expirationTime: null, keys: { p256dh: this.#key.getPublicKey('base64url'), auth: this.#secret } };
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (!isSigned(request.headers.authorization ?? '', new URL(this.subscription.endpoint).origin)) {
      response.writeHead(403).end();
      return;
    }
    this.messages.push(encryptedContent.decrypt(Buffer.concat(chunks), { version: 'aes128gcm', privateKey: this.#key, authSecret: this.#secret }).toString());
    response.writeHead(201).end();
  }
}

/** Whether a header has a token for this origin, signed with the key that it names, that ends within a day. */
function isSigned(authorization: string, origin: string): boolean {
  const [, token = '', key = ''] = /^vapid t=([\w.-]+), k=([\w-]+)$/.exec(authorization) ?? [];
  const [head = '', body = '', signature = ''] = token.split('.');
  const point = Buffer.from(key, 'base64url');
  if (point.length !== 65) return false;
  const jwk = { kty: 'EC', crv: 'P-256', x: point.subarray(1, 33).toString('base64url'), y: point.subarray(33).toString('base64url') };
  const publicKey = createPublicKey({ key: jwk, format: 'jwk' });
  const isRight = verify('sha256', Buffer.from(`${head}.${body}`), { key: publicKey, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'));
  const { aud, exp } = JSON.parse(Buffer.from(body, 'base64url').toString()) as { aud: string; exp: number };
  const seconds = exp - Date.now() / 1_000;
  return isRight && aud === origin && seconds > 0 && seconds <= 86_400;
}

/** Lets a page subscribe at the service, from its next load on. The subscription outlasts a load. */
export const subscribeAt = (page: Page, service: PushService): Promise<unknown> =>
  page.addInitScript((subscription) => {
    const KEY = 'e2e.subscribed';
    const bytes = (text: string): ArrayBuffer => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0)).buffer;
    const made = (key: string): object => ({
      endpoint: subscription.endpoint,
      options: { userVisibleOnly: true, applicationServerKey: bytes(key) },
      toJSON: () => subscription,
      unsubscribe: async () => {
        localStorage.removeItem(KEY);
        return true;
      },
    });
    Object.assign(PushManager.prototype, {
      subscribe: async ({ applicationServerKey }: { applicationServerKey: string }) => {
        localStorage.setItem(KEY, applicationServerKey);
        return made(applicationServerKey);
      },
      getSubscription: async () => {
        const key = localStorage.getItem(KEY);
        return key === null ? null : made(key);
      },
    });
    // Without a window no person can be asked.
    Object.defineProperty(Notification, 'permission', { get: () => 'granted' });
    Object.assign(Notification, { requestPermission: async () => 'granted' });
  }, service.subscription);

/** Hands a message to the service worker, as the browser does. */
export async function deliver(page: Page, message: string): Promise<void> {
  const devtools = await page.context().newCDPSession(page);
  const registration = new Promise<string>((found) => {
    devtools.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
      const own = registrations.find(({ isDeleted }) => !isDeleted);
      if (own) found(own.registrationId);
    });
  });
  await devtools.send('ServiceWorker.enable');
  await devtools.send('ServiceWorker.deliverPushMessage', { origin: new URL(page.url()).origin, registrationId: await registration, data: message });
  await devtools.detach();
}

/** The notifications that the device shows. */
export const shownOn = (page: Page): Promise<{ title: string; body: string; tag: string }[]> =>
  page.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready;
    return (await registration.getNotifications()).map(({ title, body, tag }) => ({ title, body, tag }));
  });
