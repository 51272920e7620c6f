// Proves that a member switches pushes on in this browser, that each load renews them, that what another member does reaches the
// service worker, encrypted, while the page is hidden, and is shown there until it was read.
import type { Page } from '@playwright/test';
import { ApiClient } from './apiClient';
import { launchOptions, notifyingBrowser } from './browser';
import { expect, fleet, memberNamed, test, untilInstalled } from './fixtures';
import { overlaps } from './overlaps';
import { deliver, PushService, shownOn, subscribeAt, type PushMessage } from './pushService';
import { violations } from './violations';

test.use({
  serviceWorkers: 'allow',
  permissions: ['notifications'],
  launchOptions: { ...launchOptions, executablePath: notifyingBrowser ?? launchOptions.executablePath },
});
test.skip(notifyingBrowser === undefined, 'a browser that is built without a window has no notifications');
test.skip(fleet !== undefined, 'the server must have a key, and reach a push service on this machine');

/** Hides the page, as another tab in front of it does. */
const hide = (page: Page): Promise<void> =>
  page.evaluate(() => {
    Object.defineProperty(document, 'hidden', { get: () => true, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  });

/** Lets the member click on a notification. Chromium shows none of them here. */
async function clickOn(page: Page, tag: string): Promise<void> {
  const [worker] = page.context().serviceWorkers();
  await worker?.evaluate(async (tag) => {
    const scope = globalThis as unknown as { registration: ServiceWorkerRegistration; NotificationEvent: new (name: string, init: object) => Event };
    const [notification] = await scope.registration.getNotifications({ tag });
    // It complains that no browser has made the event, once the page is told.
    dispatchEvent(new scope.NotificationEvent('notificationclick', { notification }));
  }, tag);
}

/** Keeps what each document says of whether it is shown, once that is answered: Playwright does not see the body of such a request. */
const keepForeground = (page: Page): Promise<unknown> =>
  page.addInitScript(() => {
    const said: string[] = [];
    const { fetch } = window;
    window.fetch = async (input, init) => {
      if (!(input instanceof Request && input.url.endsWith('/foreground'))) return fetch(input, init);
      const body = await input.clone().text();
      const response = await fetch(input, init);
      said.push(body);
      return response;
    };
    Object.assign(window, { said });
  });
const saidForeground = (page: Page): Promise<string | undefined> =>
  page.evaluate(() => (window as unknown as { said: string[] }).said.at(-1));

test('a push is shown on a device whose page is hidden, opens the page, and is taken away when it was read', async ({ home, member, serverUrl }) => {
  const service = await PushService.start();
  const bob = memberNamed(`pbob${Date.now().toString(36)}`);
  const acting = await ApiClient.signUp(serverUrl, bob);
  await untilInstalled(home);
  await subscribeAt(home, service);
  await keepForeground(home);
  await home.goto('/settings/notifications');
  const device = home.getByRole('region', { name: 'This device' });
  await expect(device.getByText('Notifications appear in the page only.')).toBeVisible();
  expect(await violations(home)).toEqual([]);
  for (const width of [390, 1440]) {
    await home.setViewportSize({ width, height: 900 });
    expect(await overlaps(home), `${width} px`).toEqual([]);
  }
  await device.getByRole('button', { name: 'Show notifications' }).press('Enter');
  await expect(device.getByRole('status')).toHaveText('This device shows notifications while the page is closed.');
  await expect(device.getByRole('button', { name: 'Show no more' })).toBeFocused();

  const renewed = home.waitForResponse((response) => response.url().endsWith('/v1/devices'));
  await home.reload();
  expect((await renewed).status()).toBe(200);
  await expect.poll(() => saidForeground(home)).toBe('{"foreground":true}');
  await hide(home);
  await expect.poll(() => saidForeground(home)).toBe('{"foreground":false}');

  await acting.put(`/v1/accounts/${member.handle}/follow`);
  await expect.poll(() => service.messages.length).toBe(1);
  const [text = ''] = service.messages;
  const message = JSON.parse(text) as PushMessage;
  expect(message).toMatchObject({ action: 'show', kind: 'followed', url: `/u/${bob.handle}`, badge: '1' });
  await deliver(home, text);
  const shown = { title: 'Tutti', body: message.text, tag: message.group };
  await expect.poll(() => shownOn(home)).toEqual([shown]);
  // One that has grown takes its place, and one that the page does not understand is shown too.
  await deliver(home, JSON.stringify({ ...message, text: 'Two people followed you' }));
  await deliver(home, 'no JSON');
  await expect.poll(async () => (await shownOn(home)).map(({ body }) => body).sort()).toEqual(['', 'Two people followed you']);

  await clickOn(home, message.group);
  await expect(home).toHaveURL(new RegExp(`/u/${bob.handle}$`));
  // The page has marked it as read, and takes away what is left.
  await expect.poll(() => shownOn(home)).toEqual([]);
  await home.goto('/notifications');
  await home.getByRole('radio', { name: 'Unread' }).check();
  await expect(home.getByText('Nothing here yet.')).toBeVisible();

  await home.goto('/settings/notifications');
  const removed = home.waitForResponse((response) => response.request().method() === 'DELETE' && response.url().includes('/v1/devices/'));
  await device.getByRole('button', { name: 'Show no more' }).click();
  expect((await removed).status()).toBe(204);
  await expect(device.getByRole('status')).toHaveText('Notifications appear in the page only.');
  await service.stop();
});
