// Proves that every text of messages is in the message files: see pseudoLocale.ts. The server's part is in chat.spec.ts.
import { expect, test } from './pseudoLocale';

const ID = '0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b70';
const AT = '2026-05-17T09:30:00Z';
const BOB = '0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10';

test('no page of messages and no dialog has a text outside the message files', async ({ page, member, serverUrl, walk }) => {
  const { main, dialog, open, check, closeDialog, join, token } = walk;
  await join();
  const me = ((await (await fetch(`${serverUrl}/v1/me`, { headers: { Authorization: `Bearer ${await token()}` } })).json()) as { id: string }).id;
  for (const path of ['/messages', '/messages/requests', '/messages/new', `/messages/${ID}`, `/messages/${ID}/group`, '/messages/join/5kT0vYq8Zb3mXw1RcHs9Ga']) {
    await open(path, path === '/messages/requests' ? 'main form' : 'main h1');
    await check(path);
  }
  await main.locator('button.primary').click();
  await expect(main.locator('.note.error')).toBeVisible();
  await check('a link that opens no group');
  await open('/messages/new');
  await main.locator('form button.primary').click();
  await check('nobody is named');

  // Every state of a conversation, without another member.
  const person = (account: string, handle: string, admin: boolean) => ({ account, handle, display_name: '海', avatar: null, admin, read_seq: 0, delivered_seq: 0 });
  const conversation = {
    id: ID, kind: 'pair', state: 'joined', name: null, picture: null, has_invite: false, members: [person(me, member.handle, true), person(BOB, 'bob', false)], epoch: 1, last_seq: 4, unread: 2,
    newest: null, can: { write: true, goes_to: 'inbox', manage: false }, request: null, created_at: AT,
  };
  const message = { id: 'm1', conversation: ID, seq: 1, author: BOB, client_id: null, state: 'sent', text: '海', media: [], media_count: 0, blurred: false, reply_to: null, reactions: [{ account: BOB, reaction: '👍' }], verdict: null, edited_at: AT, created_at: AT };
  const photo = { id: '5kT0vYq8Zb3mXw1RcHs9Ga', kind: 'photo', state: 'processing', alt: '', width: 3, height: 2, duration_ms: null, thumbhash: null, urls: { image: null, motion: null, poster: null, hls: null, waveform: null } };
  const messages = [
    { ...message, id: 'm4', seq: 4, author: me, reactions: [], edited_at: null, created_at: new Date().toISOString(), verdict: { id: BOB, outcome: 'hold', reason: 'screening.spam', sentence: '海', can_appeal: true }, state: 'held' },
    { ...message, id: 'm3', seq: 3, state: 'removed', text: '', reactions: [] },
    { ...message, id: 'm2', seq: 2, reply_to: 'm1', media: [photo], media_count: 1, blurred: true },
    message,
  ];
  const show = async (part: object, what: string, path = `/messages/${ID}`): Promise<void> => {
    await page.unroute(`**/v1/conversations/${ID}`);
    await page.route(`**/v1/conversations/${ID}`, (route) => route.fulfill({ json: { ...conversation, ...part } }));
    await open(path, path.endsWith('/group') ? 'main h2' : '[role="log"]');
    await check(what);
  };
  await page.route(`**/v1/conversations/${ID}/messages*`, (route) =>
    route.request().method() === 'POST'
      ? route.fulfill({ status: 403, contentType: 'application/problem+json', json: { code: 'chat.refused', detail: '海', reason: 'screening.spam', can_appeal: true, verdict: BOB } })
      : route.fulfill({ json: { items: messages, next: null } }),
  );
  await page.route(`**/v1/conversations/${ID}/read`, (route) => route.fulfill({ status: 204 }));
  await page.route('**/v1/conversations?*', (route) => route.fulfill({ json: { items: [{ ...conversation, newest: messages[0] }, { ...conversation, id: BOB, kind: 'group', newest: messages[1], can: null }], next: null } }));
  await open('/messages', 'main li');
  await check('conversations');
  await show({}, 'a conversation');
  for (const toggle of await main.locator('[role="log"] .line > .button').all()) await toggle.click();
  await check('what can be done with messages');
  await main.locator('#message-m2 .acts button').last().click();
  await check('report a message');
  await closeDialog();
  await main.locator('.reason button').click();
  await check('an appeal');
  await closeDialog();
  await main.locator('#message-m2 .line > .button').first().click();
  await main.locator('#message-m2 .acts > button').first().click();
  await check('a reply');
  await main.locator('form .line button').first().click();
  await check('media for a message');
  await main.locator('form textarea').fill('海');
  await main.locator('form button.primary').click();
  await expect(main.locator('.note.error')).toBeVisible();
  await check('a message that was refused');
  await show({ state: 'requested', can: { write: false, goes_to: 'nowhere', manage: false }, request: { friends_in_common: 3, account_age_days: 12 } }, 'a request');
  await show({ state: 'requested', kind: 'group', can: { write: false, goes_to: 'nowhere', manage: false }, request: { friends_in_common: 0, account_age_days: 0 } }, 'a request of a group');
  for (const [state, goes_to] of [['joined', 'requests'], ['joined', 'refused'], ['joined', 'nowhere'], ['left', 'nowhere']] as const) await show({ state, can: { write: goes_to === 'requests', goes_to, manage: false } }, `${state}, ${goes_to}`);
  await show({}, 'a conversation again');
  await main.locator('header button').click();
  await check('delete a conversation');
  await closeDialog();
  await show({ kind: 'group', name: '海', has_invite: true, can: { write: true, goes_to: 'inbox', manage: true } }, 'a group', `/messages/${ID}/group`);
  await page.route('**/v1/conversations/*/invite', (route) => route.fulfill({ json: { token: '海' } }));
  await main.locator('section[aria-labelledby="group-invite"] button').first().click();
  await expect(main.locator('section[aria-labelledby="group-invite"] input')).toBeVisible();
  await check('a link of a group');
  await main.locator('button.danger').click();
  await expect(dialog).toBeVisible();
  await check('leave a group');
});
