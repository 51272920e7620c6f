// Proves that a member makes an API key that does what its scopes say, sees it once, and revokes it.
import { expect, test } from './fixtures';

test('a key does what its scopes say, is shown once, and ends when it is revoked', async ({ home, serverUrl }) => {
  await home.goto('/settings');
  await home.getByRole('link', { name: 'Manage API keys' }).click();
  await expect(home.getByRole('heading', { level: 1, name: 'API keys' })).toBeFocused();
  await expect(home.getByText('You have no API keys yet.')).toBeVisible();

  const form = home.getByRole('region', { name: 'New key' });
  await form.getByRole('button', { name: 'Create key' }).click();
  await expect(form.getByLabel('Name')).toBeFocused();
  await expect(form.getByText('Choose at least one scope.')).toBeVisible();
  await form.getByLabel('Name').fill('Karaoke server');
  await form.getByRole('group', { name: 'Albums' }).getByLabel('read').check();
  await form.getByLabel('Expires').selectOption('On a day that you choose');
  await form.getByLabel('Last day').fill('2020-01-01');
  await form.getByRole('button', { name: 'Create key' }).click();
  await expect(form.getByLabel('Last day')).toHaveAccessibleDescription('Last day must be today or later.');
  await form.getByLabel('Last day').fill('2099-12-31');
  await form.getByRole('button', { name: 'Create key' }).click();

  // Only its own button closes the dialog.
  const dialog = home.getByRole('dialog');
  await expect(dialog.getByLabel('Key', { exact: true })).toHaveValue(/^tutti_/);
  const key = await dialog.getByLabel('Key', { exact: true }).inputValue();
  await home.keyboard.press('Escape');
  await dialog.getByRole('button', { name: 'I have kept it' }).click();
  await expect(home.getByRole('heading', { name: 'Your keys' })).toBeFocused();
  const row = home.getByRole('listitem').filter({ hasText: 'Karaoke server' });
  await expect(row).toContainText('Albums: read');
  await expect(row).toContainText('Never used');
  await expect(row).toContainText('Expires on Dec 31, 2099');

  const list = async (path: string): Promise<number> => (await fetch(`${serverUrl}/v1/${path}`, { headers: { Authorization: `Bearer ${key}` } })).status;
  expect([await list('albums'), await list('media')]).toEqual([200, 403]);
  await home.reload();
  await expect(row).toBeVisible();
  await expect(home.getByText(key)).toHaveCount(0);

  await row.getByRole('button', { name: 'Revoke Karaoke server' }).click();
  await dialog.getByRole('button', { name: 'Revoke' }).click();
  await expect(home.getByText('You have no API keys yet.')).toBeVisible();
  await expect.poll(() => list('albums')).toBe(401);
});
