// Proves that a video plays while it is converted and switches to all its renditions without a jump; also songs and photos.
import type { Page } from '@playwright/test';
import { basename } from 'node:path';
import { addFiles, expect, openItem, test, showControls } from './fixtures';

const time = (page: Page): Promise<number> => page.evaluate(() => document.querySelector<HTMLVideoElement>('video.shown')?.currentTime ?? -1);

test('a video plays while converting still runs, then has every quality without a jump', async ({ home, files }) => {
  await addFiles(home, files.video);
  const tile = home.locator('.media-grid').getByRole('link', { name: /^parade\.mp4/ });
  await tile.click();
  await home.getByRole('button', { name: 'Play', exact: true }).first().click({ timeout: 180_000 });
  await expect.poll(() => time(home), { timeout: 90_000 }).toBeGreaterThan(0.5);
  // It plays before conversion is complete.
  await expect(home.getByText('You can play it while it is being converted.')).toBeVisible();

  // Records the playback time at every frame while the player switches to the whole ladder.
  await home.evaluate(() => {
    const watched = { last: -1, worstBack: 0, worstAhead: 0, elements: new Set<Element>() };
    Object.assign(globalThis, { watched });
    let at = performance.now();
    const watchFrame = (): void => {
      const video = document.querySelector<HTMLVideoElement>('video.shown');
      const now = performance.now();
      if (video && video.currentTime > 0) {
        watched.elements.add(video);
        if (watched.last >= 0) {
          const step = video.currentTime - watched.last;
          watched.worstBack = Math.min(watched.worstBack, step);
          watched.worstAhead = Math.max(watched.worstAhead, step - (now - at) / 1000);
        }
        watched.last = video.currentTime;
      }
      at = now;
      requestAnimationFrame(watchFrame);
    };
    watchFrame();
  });
  await expect(home.getByText('You can play it while it is being converted.')).toBeHidden({ timeout: 300_000 });
  await expect.poll(() => home.evaluate(() => (globalThis as unknown as { watched: { elements: Set<Element> } }).watched.elements.size), { timeout: 90_000 }).toBe(2);
  const jump = await home.evaluate(() => {
    const { worstBack, worstAhead } = (globalThis as unknown as { watched: { worstBack: number; worstAhead: number } }).watched;
    return { worstBack, worstAhead };
  });
  expect(jump.worstBack).toBeGreaterThan(-0.25);
  expect(jump.worstAhead).toBeLessThan(0.35);
  await expect(home.locator('video')).toHaveCount(1);

  await showControls(home);
  await home.getByRole('button', { name: 'Quality and speed' }).click();
  await expect(home.getByRole('menuitemradio', { name: '360p', exact: true })).toBeVisible();
  await home.getByRole('menuitemradio', { name: '720p', exact: true }).click();
  await home.getByRole('button', { name: 'Quality and speed' }).click();
  await home.getByRole('menuitemradio', { name: '2×' }).click();
  expect(await home.evaluate(() => document.querySelector('video')?.playbackRate)).toBe(2);

  // Preview pictures above the seek bar.
  const picture = home.locator('.preview img');
  await expect(async () => {
    await showControls(home);
    await home.locator('.seek').hover({ position: { x: 400, y: 10 } });
    await expect(picture).toBeVisible({ timeout: 3_000 });
  }).toPass();
  await expect.poll(() => picture.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(0);
});

test('the player has keyboard shortcuts', async ({ library: home, files }) => {
  await openItem(home, basename(files.clip));
  await home.keyboard.press('k');
  await expect.poll(() => time(home)).toBeGreaterThan(0.3);
  await home.keyboard.press('k');
  await expect.poll(() => home.evaluate(() => document.querySelector('video')?.paused)).toBe(true);
  await home.keyboard.press('5');
  await expect.poll(() => time(home)).toBeGreaterThan(5.5);
  const middle = await time(home);
  await home.keyboard.press('ArrowLeft');
  await expect.poll(() => time(home)).toBeLessThan(middle - 4);
  await home.keyboard.press('m');
  expect(await home.evaluate(() => document.querySelector('video')?.muted)).toBe(true);
  await home.keyboard.press('>');
  expect(await home.evaluate(() => document.querySelector('video')?.playbackRate)).toBe(1.25);
  await home.keyboard.press('?');
  await expect(home.getByRole('dialog', { name: 'Keyboard shortcuts' })).toBeVisible();
  await home.keyboard.press('Escape');
  await home.keyboard.press('f');
  await expect.poll(() => home.evaluate(() => document.fullscreenElement !== null)).toBe(true);
});

test('an expired URL is renewed without a reload', async ({ library: home, files }) => {
  let refusals = 1;
  await home.route('**/master.m3u8*', (route) => {
    refusals -= 1;
    return refusals >= 0 ? route.fulfill({ status: 403, body: '' }) : route.continue();
  });
  await openItem(home, basename(files.clip));
  await home.getByRole('button', { name: 'Play', exact: true }).first().click();
  await expect.poll(() => time(home), { timeout: 90_000 }).toBeGreaterThan(0.5);
  expect(refusals).toBeLessThan(0);
});

test('a song plays and is sought in its waveform', async ({ library: home, files }) => {
  await openItem(home, basename(files.song));
  const audio = (): Promise<number> => home.evaluate(() => document.querySelector('audio')?.currentTime ?? -1);
  await home.getByRole('button', { name: 'Play', exact: true }).click();
  await expect.poll(audio).toBeGreaterThan(0.3);
  const wave = home.getByRole('slider', { name: 'Time' });
  const box = await wave.boundingBox();
  await wave.click({ position: { x: (box?.width ?? 0) / 2, y: 30 } });
  await expect.poll(audio).toBeGreaterThan(10);
});

test('a photo is shown in a size that fits', async ({ library: home, files }) => {
  await openItem(home, basename(files.photo));
  const image = home.locator('figure img');
  await expect.poll(() => image.evaluate((one: HTMLImageElement) => one.naturalWidth)).toBeGreaterThan(900);
  await home.getByRole('button', { name: /full screen$/ }).click();
  await expect(home.getByRole('dialog')).toBeVisible();
  await home.keyboard.press('Escape');
  await expect(home.getByRole('dialog')).toBeHidden();
});
