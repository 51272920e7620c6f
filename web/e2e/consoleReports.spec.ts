// Proves that what members report is read and decided in the operators' console.
import { ApiClient } from './apiClient';
import { fleet, memberNamed } from './fixtures';
import { expect, openPage, test } from './operators';
import { violations } from './violations';

test.skip(fleet !== undefined, 'the roles are given on the machine of the server');

test('a reported post is read, removed with a reason, and its report is closed', async ({ console: home, request, serverUrl }) => {
  const author = memberNamed(`mallory${Date.now().toString(36)}`);
  const [writing, reporting] = await Promise.all([author, memberNamed(`nora${Date.now().toString(36)}`)].map((member) => ApiClient.signUp(serverUrl, member)));
  const text = `Buy now at ${author.handle}`;
  const post = await writing!.create<{ id: string }>('/v1/posts', { text, audience: 'public' });
  await reporting!.create('/v1/reports', { kind: 'post', id: post.id, reason: 'spam', text: 'Under every clip.' });

  await openPage(home, 'Reports');
  await home.getByLabel('Kind', { exact: true }).selectOption('Account');
  await home.getByRole('button', { name: 'Apply' }).click();
  await expect(home.getByText('No report is found.')).toBeVisible();
  await home.getByLabel('Kind', { exact: true }).selectOption('Post');
  await home.getByRole('button', { name: 'Apply' }).click();
  const row = home.getByRole('row').filter({ hasText: `@${author.handle}` });
  await expect(row).toContainText('Under every clip.');
  await row.getByRole('link', { name: 'Post: Advertising' }).click();
  await expect(home.getByText(text)).toBeVisible();
  expect(await violations(home)).toEqual([]);
  await home.getByRole('button', { name: 'Remove' }).click();
  const dialog = home.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Remove' }).click();
  await expect(dialog.getByText('Reason is missing.')).toBeVisible();
  await dialog.getByLabel('Reason').fill('Advertising.');
  await dialog.getByRole('button', { name: 'Remove' }).click();
  await expect(home.getByText('The decision is made.')).toBeVisible();
  await expect(home.getByText('It is gone: its author or a moderator has removed it.')).toBeVisible();
  await expect(home.getByRole('button', { name: 'Keep' })).toHaveCount(0);
  expect((await request.get(`${serverUrl}/v1/posts/${post.id}`)).status()).toBe(404);

  await openPage(home, 'Reports');
  await home.getByLabel('State', { exact: true }).selectOption('Closed');
  await home.getByRole('button', { name: 'Apply' }).click();
  await expect(row).toContainText('Removed');
});
