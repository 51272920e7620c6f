// Proves that a member sees what another one does within a second, without a reload; that the list says it by day, what is read
// stays read, and that preferences and mutes are kept.
import type { Browser, Page } from '@playwright/test';
import { ApiClient } from './apiClient';
import { collectErrors, expect, memberNamed, signUp, test, type Member } from './fixtures';

/** How long what another member does takes to be shown. */
const WITHIN_A_SECOND = { timeout: 1_000 };

/** A browser of its own in which a new member is signed in. */
async function member(browser: Browser, baseURL: string, name: string): Promise<{ page: Page; person: Member; errors: string[]; close: () => Promise<void> }> {
  const context = await browser.newContext({ baseURL });
  const page = await context.newPage();
  const errors = collectErrors(page);
  const person = memberNamed(`${name}${Date.now().toString(36)}`);
  await signUp(page, person);
  return { page, person, errors, close: () => context.close() };
}

test('what one member does is on the other one’s bell and in the list within a second', async ({ browser, serverUrl }) => {
  const [ada, bob] = [await member(browser, serverUrl, 'nada'), await member(browser, serverUrl, 'nbob')];
  const eve = await ApiClient.signUp(serverUrl, memberNamed(`neve${Date.now().toString(36)}`));
  await ada.page.goto('/compose');
  await ada.page.getByLabel('Text', { exact: true }).fill('Who hears this?');
  await ada.page.getByRole('radio', { name: /^Everyone/ }).check();
  await ada.page.getByRole('button', { name: 'Post', exact: true }).click();
  await expect(ada.page.getByRole('article')).toContainText('Who hears this?');
  const post = ada.page.url();
  const id = new URL(post).pathname.split('/').at(-1) ?? '';
  const bell = ada.page.getByRole('banner').getByRole('link', { name: /^Notifications/ });
  await expect(bell).toHaveAccessibleName('Notifications');

  await bob.page.goto(post);
  await bob.page.getByRole('article').getByRole('button', { name: /^Like, 0 reactions/ }).click();
  // Ada is still on the page of her post.
  await expect(bell).toHaveAccessibleName('Notifications, 1 new', WITHIN_A_SECOND);
  await bell.click();
  await expect(ada.page.getByRole('heading', { name: 'Today' })).toBeVisible();
  const rows = ada.page.getByRole('main').getByRole('listitem');
  await expect(rows).toHaveText([new RegExp(`${bob.person.handle} reacted to your post`)]);
  // What the list shows is seen.
  await expect(bell).toHaveAccessibleName('Notifications');

  // It grows while the list is open, and stays one.
  await eve.put(`/v1/posts/${id}/reaction`, { kind: 'love' });
  await expect(rows).toHaveText([new RegExp(`neve\\w+ and ${bob.person.handle} reacted to your post`)], WITHIN_A_SECOND);
  await eve.put(`/v1/accounts/${ada.person.handle}/follow`);
  await expect(rows).toHaveText([/neve\w+ followed you/, /reacted to your post/], WITHIN_A_SECOND);
  // What comes while the list is open is seen as well.
  await expect(bell).toHaveAccessibleName('Notifications');

  // A second tab hears it too, though one of them alone reads the stream.
  await ada.page.goto(post);
  const tab = await ada.page.context().newPage();
  await tab.goto('/explore');
  const otherBell = tab.getByRole('banner').getByRole('link', { name: /^Notifications/ });
  await expect(otherBell).toBeVisible();
  await eve.create(`/v1/posts/${id}/comments`, { text: 'Bravo!' });
  await expect(bell).toHaveAccessibleName('Notifications, 1 new', WITHIN_A_SECOND);
  await expect(otherBell).toHaveAccessibleName('Notifications, 1 new', WITHIN_A_SECOND);
  await tab.close();
  await bell.click();
  await expect(rows.first()).toContainText('commented on your post');

  await rows.filter({ hasText: 'reacted to your post' }).getByRole('link').click();
  await expect(ada.page).toHaveURL(post);
  await bell.click();
  await ada.page.getByRole('radio', { name: 'Unread' }).check();
  await expect(rows).toHaveText([/commented on your post/, /followed you/]);
  await ada.page.getByRole('button', { name: 'Mark all as read' }).click();
  await expect(ada.page.getByRole('button', { name: 'Mark all as read' })).toBeDisabled();
  await ada.page.getByRole('radio', { name: 'All' }).check();
  await expect(rows).toHaveCount(3);

  await rows.filter({ hasText: 'commented on your post' }).getByRole('button', { name: /^Mute this post or thread/ }).click();
  await expect(ada.page.getByText('You hear nothing more about it.')).toBeVisible();
  await rows.filter({ hasText: 'commented on your post' }).getByRole('button', { name: /^Remove/ }).click();
  await expect(rows).toHaveText([/followed you/, /reacted to your post/]);
  await eve.create(`/v1/posts/${id}/comments`, { text: 'Once more!' });

  await ada.page.getByRole('link', { name: 'Preferences' }).click();
  await expect(ada.page.getByRole('link', { name: 'Muted post or thread 1' })).toBeVisible();
  await ada.page.getByRole('group', { name: 'Somebody mentions you' }).getByLabel('From').selectOption('People you follow');
  await ada.page.getByRole('button', { name: 'Save preferences' }).click();
  await expect(ada.page.getByText('Your preferences are saved.')).toBeVisible();
  await ada.page.getByRole('button', { name: 'Unmute post or thread 1' }).click();
  await expect(ada.page.getByText('You have muted nothing.')).toBeVisible();
  await ada.page.reload();
  await expect(ada.page.getByRole('group', { name: 'Somebody mentions you' }).getByLabel('From')).toHaveValue('following');

  // Eve is nobody whom Ada follows, and the second comment was muted.
  await eve.create('/v1/posts', { text: `Hello @${ada.person.handle}`, audience: 'public' });
  await ada.page.goto('/notifications');
  await expect(rows).toHaveCount(2);
  // What is filtered does not come live.
  await expect(async () => {
    await ada.page.getByRole('radio', { name: 'All' }).check();
    await ada.page.getByRole('radio', { name: 'Filtered' }).check();
    await expect(rows).toHaveText([/neve\w+ mentioned you/], WITHIN_A_SECOND);
  }).toPass();
  expect([...ada.errors, ...bob.errors]).toEqual([]);
  await ada.close();
  await bob.close();
});
