// Proves that every text of feeds, of posts and of notifications is in the message files: see pseudoLocale.ts.
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { expect, test, type Item } from './pseudoLocale';

test('no page of feeds, posts and notifications has a text outside the message files', async ({ page, member, files, serverUrl, walk }) => {
  const { main, dialog, open, check, closeDialog, join, token, ignore } = walk;
  await join();
  const form = new FormData();
  form.append('file', new Blob([await readFile(files.photo)]), basename(files.photo));
  const headers = { Authorization: `Bearer ${await token()}` };
  expect((await fetch(`${serverUrl}/v1/media`, { method: 'POST', headers, body: form })).status).toBe(201);
  await expect.poll(async () => ((await (await fetch(`${serverUrl}/v1/media`, { headers })).json()) as { items: Item[] }).items.map(({ state }) => state)).toEqual(['ready']);

  // Feeds, people and posts.
  for (const path of ['/feed', '/explore', '/tags/海', '/songs/5kT0vYq8Zb3mXw1RcHs9Ga', '/saved', '/pending-comments', '/threads/new', '/t/0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60', '/greetings', '/g/5kT0vYq8Zb3mXw1RcHs9Ga']) {
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

  // Notifications and reminders.
  await open('/notifications');
  await check('notifications');
  const state = async (support: 'none' | 'full', permission: NotificationPermission): Promise<void> => {
    await page.evaluate(([support, permission]) => {
      sessionStorage.setItem('e2e.support', support);
      sessionStorage.setItem('e2e.permission', permission);
    }, [support, permission] as const);
    await open('/settings/notifications', 'main section p');
    await check(`notifications of this device: ${support}, ${permission}`);
  };
  await page.addInitScript(() => {
    if (sessionStorage.getItem('e2e.support') === 'none') Reflect.deleteProperty(globalThis, 'PushManager');
    Object.defineProperty(Notification, 'permission', { get: () => sessionStorage.getItem('e2e.permission') ?? 'default' });
  });
  await state('none', 'default');
  await state('full', 'default');
  await state('full', 'denied');
  // The hint names the time zone.
  ignore('UTC', await page.evaluate(() => Intl.DateTimeFormat().resolvedOptions().timeZone));
  const reminder = { id: '0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60', text: '海', at: '2099-05-17T09:30:00Z', local_time: null, zone: null, subject: null, days_before: null, time: null, snoozed: false };
  const follows = { ...reminder, subject: reminder.id, days_before: 3, time: '09:00' };
  await page.route('**/v1/reminders?*', (route) => route.fulfill({ json: { items: ['waiting', 'fired', 'cancelled', 'eaten'].map((state, number) => ({ ...(number === 0 ? follows : reminder), id: state, state })), next: null } }));
  await open('/reminders', 'main li');
  await check('reminders');
  await main.locator('form button').click();
  await check('a reminder, refused');
  await open(`/reminders?subject=${reminder.id}`, 'main select');
  await check('a reminder before a date');
  await page.unroute('**/v1/reminders?*');
  await open('/reminders', 'main section p');
  await check('no reminders');
  await open('/unsubscribe');
  await check('a link of a mail that is not complete');
});
