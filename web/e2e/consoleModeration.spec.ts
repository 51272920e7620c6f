// Proves that a moderator works through the queue by keyboard: claims a case, decides about it, and the member reads why; and that an
// operator imports a list of known pictures.
import { randomBytes } from 'node:crypto';
import { ApiClient } from './apiClient';
import { fleet, memberNamed } from './fixtures';
import { expect, openPage, test } from './operators';
import { violations } from './violations';

test.skip(fleet !== undefined, 'the roles are given on the machine of the server');

test('a case is claimed and decided by keyboard, on a phone too, and the post is removed', async ({ console: home, request, serverUrl }) => {
  const author = memberNamed(`mallory${Date.now().toString(36)}`);
  const [writing, reporting] = await Promise.all([author, memberNamed(`nora${Date.now().toString(36)}`)].map((member) => ApiClient.signUp(serverUrl, member)));
  const text = `Buy now at ${author.handle}`;
  const post = await writing!.create<{ id: string }>('/v1/posts', { text, audience: 'public' });
  await reporting!.create('/v1/reports', { kind: 'post', id: post.id, reason: 'spam', text: 'Under every clip.' });

  await openPage(home, 'Moderation');
  const row = home.getByRole('row').filter({ hasText: text });
  // The case comes with an event.
  await expect(async () => {
    await home.getByRole('button', { name: 'Apply' }).click();
    await expect(row).toBeVisible({ timeout: 1_000 });
  }).toPass();
  expect(await violations(home)).toEqual([]);
  // `j` from the heading goes to the first case; from there on to the one that was just reported.
  await home.getByRole('heading', { level: 1 }).focus();
  await home.keyboard.press('j');
  await expect(home.locator('a:focus')).toHaveAttribute('href', /^\/moderation\//);
  await row.getByRole('link', { name: 'Post: Advertising' }).focus();
  await home.keyboard.press('c');
  await expect(home.getByRole('heading', { level: 1, name: 'Post: Advertising' })).toBeVisible();
  await expect(home.getByText(text)).toBeVisible();
  await expect(home.getByText('Under every clip.')).toBeVisible();
  await home.setViewportSize({ width: 390, height: 844 });
  expect(await violations(home)).toEqual([]);
  await home.getByRole('heading', { level: 1 }).focus();
  await home.keyboard.press('d');
  const dialog = home.getByRole('dialog');
  await dialog.getByRole('radio', { name: 'Remove', exact: true }).check();
  await dialog.getByLabel('What the member reads').fill('No advertising, please.');
  await dialog.getByLabel('Reason').fill('Advertising.');
  await dialog.getByRole('button', { name: 'Decide' }).click();
  await expect(home.getByText('The decision is made.')).toBeVisible();
  await expect(home.getByRole('button', { name: 'Decide' })).toHaveCount(0);
  await expect.poll(async () => (await request.get(`${serverUrl}/v1/posts/${post.id}`)).status()).toBe(404);
  await home.getByRole('heading', { level: 1 }).focus();
  await home.keyboard.press('u');
  await expect(home.getByRole('heading', { level: 1, name: 'Moderation' })).toBeVisible();
  await expect(row).toHaveCount(0);
});

test('a list of known pictures is refused with the number of its bad line, imported, and an entry is removed', async ({ console: home }) => {
  const hash = randomBytes(32).toString('hex');
  const short = `${hash.slice(0, 8)}…${hash.slice(-8)}`;
  const textFile = (lines: string[]) => ({ name: 'hashes.txt', mimeType: 'text/plain', buffer: Buffer.from(`${lines.join('\n')}\n`) });
  const dialog = home.getByRole('dialog');
  await openPage(home, 'Known pictures');
  await home.getByRole('button', { name: 'Import a list' }).click();
  const [file, send] = [dialog.getByLabel('Text file'), dialog.getByRole('button', { name: 'Import a list' })];
  await send.click();
  await expect(file).toBeFocused();
  await file.setInputFiles(textFile(['# May', hash, 'none']));
  await dialog.getByLabel('Note', { exact: true }).fill('From the team');
  await dialog.getByLabel('Reason', { exact: true }).fill('A test.');
  await send.click();
  await expect(file).toHaveAccessibleDescription(/^Line 3 is not a PDQ hash/);
  expect(await violations(home)).toEqual([]);
  await file.setInputFiles(textFile(['# May', hash, hash]));
  await send.click();
  await expect(home.getByText('1 hash is added; 1 was known.')).toBeVisible();
  const row = home.getByRole('row').filter({ hasText: short });
  await expect(row).toContainText('From the team');
  await home.setViewportSize({ width: 390, height: 844 });
  expect(await violations(home)).toEqual([]);
  await row.getByRole('button', { name: `Remove ${short}` }).click();
  await dialog.getByLabel('Reason', { exact: true }).fill('A test.');
  await dialog.getByRole('button', { name: 'Remove', exact: true }).click();
  await expect(home.getByText('It is off the list.')).toBeVisible();
  await expect(row).toHaveCount(0);
});
