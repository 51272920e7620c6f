// Proves that scrolling a library of several pages shows every item once, in order.
import { readFile } from 'node:fs/promises';
import { expect, test } from './fixtures';

const ITEMS = 110;

test('a long library is loaded page by page while scrolling, also on a tall screen', async ({ home, files, member, serverUrl }) => {
  const signedIn = await fetch(`${serverUrl}/v1/sessions`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ login: member.handle, password: member.password }),
  });
  const { access_token: token } = (await signedIn.json()) as { access_token: string };
  const photo = await readFile(files.photo);
  const named = (at: number): string => `page-${String(at).padStart(3, '0')}.jpg`;
  for (let at = 0; at < ITEMS; at += 1) {
    const sent = await fetch(`${serverUrl}/v1/media?name=${named(at)}`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'image/jpeg' },
      body: photo,
    });
    expect(sent.status, await sent.text()).toBe(201);
  }
  const tiles = home.locator('.media-grid li');
  const expected = Array.from({ length: ITEMS }, (_, at) => named(ITEMS - 1 - at));

  await home.setViewportSize({ width: 390, height: 844 });
  await home.goto('/');
  await expect(tiles.first()).toBeVisible();
  expect(await tiles.count(), 'not all of it at once').toBeLessThan(ITEMS);
  await expect(async () => {
    await tiles.last().scrollIntoViewIfNeeded();
    expect(await tiles.count()).toBe(ITEMS);
  }).toPass();
  const names = await tiles.getByRole('link').evaluateAll((links) => links.map((link) => /page-\d+\.jpg/.exec(link.getAttribute('aria-label') ?? link.textContent ?? '')?.[0]));
  expect(names).toEqual(expected);
  await expect(home.getByRole('button', { name: 'Show more' })).toHaveCount(0);

  // On a screen taller than a page of the library the next page is loaded without scrolling.
  await home.setViewportSize({ width: 2560, height: 4000 });
  await home.reload();
  await expect(tiles).toHaveCount(ITEMS);
});
