// Proves that nothing overlaps in a library where the layouts for phones and desktops meet, and what tiles say. The other pages
// are looked at while axe walks over them (accessibility.spec.ts): to load a page takes longer than that.
import { basename } from 'node:path';
import { expect, openItem, test } from './fixtures';
import { expectNoOverlap } from './overlaps';

test('a library and its items have no overlap and do not scroll sideways between phone and desktop', async ({ page, library: home, files }) => {
  await expectNoOverlap(page, 'library');
  await home.goto('/?state=ready&visibility=private');
  await expect(home.locator('.media-grid li')).toHaveCount(3);
  await expectNoOverlap(page, 'library with filters');
  for (const file of [files.song, files.clip, files.photo]) {
    await home.goto('/');
    await openItem(home, basename(file));
    await expectNoOverlap(page, basename(file));
  }
});

test('an empty library has no overlap', async ({ page, home }) => {
  await expect(home.getByText('Your library is empty')).toBeVisible();
  await expectNoOverlap(page, 'empty library');
});

test('a song’s name is beside its bars, and every tile says its name to the pointer and the focus', async ({ library: home, files }) => {
  const tile = (path: string) => home.locator('.media-grid a').filter({ hasText: basename(path) });
  const name = (path: string) => tile(path).locator('.name');
  for (const viewport of [{ width: 390, height: 844 }, { width: 1440, height: 900 }]) {
    await home.setViewportSize(viewport);
    await expect(name(files.song)).toBeVisible();
    const text = (await name(files.song).boundingBox())!;
    for (const bar of await tile(files.song).locator('rect').all()) {
      const box = (await bar.boundingBox())!;
      expect(box.y + box.height, `a bar at ${viewport.width} px`).toBeLessThanOrEqual(text.y);
    }
  }
  const opacity = (): Promise<string> => name(files.photo).evaluate((one) => getComputedStyle(one).opacity);
  await home.mouse.move(5, 890);
  await expect.poll(opacity).toBe('0');
  await tile(files.photo).hover();
  await expect.poll(opacity).toBe('1');
  await expect(name(files.photo)).toHaveText(basename(files.photo));
  await home.mouse.move(5, 890);
  await expect.poll(opacity).toBe('0');
  await home.getByRole('searchbox').focus();
  for (let step = 0; step < 4 && (await opacity()) !== '1'; step += 1) {
    await home.keyboard.press('Tab');
    await home.waitForTimeout(250);
  }
  expect(await opacity()).toBe('1');
});
