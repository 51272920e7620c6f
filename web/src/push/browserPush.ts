// Owns what the browser does for pushes: the permission, the subscription, and which device was registered. Does not own when:
// pushDevice.ts does. Invariant: no wait is longer than READY_MS.
import m from '#messages/notifications';
import { Problem } from '../api/problem';
import { tryStorage } from '../ui/storage';
import { closeShown } from './shownNotices';
import type { KnownDevice, PushBrowser, PushMemory, Subscribed } from './pushDevice';

const KEY = 'tutti.push';
/** How long the service worker may take to be there. */
const READY_MS = 10_000;

/** Base64url, as keys are written (RFC 7515, appendix C). */
export const encodeKey = (bytes: ArrayBuffer): string =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

function subscribed(subscription: PushSubscription): Subscribed {
  const { endpoint, keys } = subscription.toJSON();
  const { applicationServerKey } = subscription.options;
  return { endpoint: endpoint ?? '', keys: { p256dh: keys?.['p256dh'] ?? '', auth: keys?.['auth'] ?? '' }, key: applicationServerKey ? encodeKey(applicationServerKey) : null };
}

const failed = (): Problem => new Problem(0, 'push.failed', m.pushFailed());

/** The service worker once it is there: it is started after the page has loaded. */
async function ready(): Promise<ServiceWorkerRegistration> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLate = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(failed()), READY_MS)));
  return Promise.race([navigator.serviceWorker.ready, tooLate]).finally(() => clearTimeout(timer));
}

const find = async (): Promise<PushSubscription | null> => (await navigator.serviceWorker.getRegistration())?.pushManager.getSubscription() ?? null;

/** Whether an iPhone or iPad shows the page in a tab: only an installed page gets pushes there. */
const isInTabOfIos = (): boolean => (navigator as Navigator & { standalone?: boolean }).standalone === false;

export const browserPush: PushBrowser = {
  support() {
    // Only builds have a service worker.
    if (import.meta.env.PROD && 'serviceWorker' in navigator && 'PushManager' in globalThis && 'Notification' in globalThis) return 'full';
    return isInTabOfIos() ? 'when-installed' : 'none';
  },
  permission: () => Notification.permission,
  requestPermission: () => Notification.requestPermission(),
  async find() {
    const subscription = await find();
    return subscription && subscribed(subscription);
  },
  async subscribe(key) {
    const { pushManager } = await ready();
    try {
      return subscribed(await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key }));
    } catch {
      // The browser has no push service, or it cannot be reached.
      throw failed();
    }
  },
  async unsubscribe() {
    if (!('serviceWorker' in navigator)) return;
    await (await find().catch(() => null))?.unsubscribe().catch(() => false);
    await closeShown();
  },
};

export const pushMemory: PushMemory = {
  read() {
    const known = tryStorage(() => JSON.parse(localStorage.getItem(KEY) ?? 'null') as Partial<KnownDevice> | null);
    return typeof known?.member === 'string' && typeof known.device === 'string' ? { member: known.member, device: known.device } : null;
  },
  write: (known) => void tryStorage(() => (known === null ? localStorage.removeItem(KEY) : localStorage.setItem(KEY, JSON.stringify(known)))),
};
