// Proves that an animated picture moves in the library and on its page, can be paused, and stays still where less motion is
// wanted.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Locator } from '@playwright/test';
import { addFiles, expect, openItem, test, waitUntilReady } from './fixtures';

const time = (video: Locator): Promise<number> => video.evaluate((one: HTMLVideoElement) => one.currentTime);
const isPaused = (video: Locator): Promise<boolean> => video.evaluate((one: HTMLVideoElement) => one.paused);

test('an animated picture moves until it is paused, and by itself only where motion is wanted', async ({ home, files }) => {
  const path = join(files.folder, 'waves.gif');
  await promisify(execFile)('ffmpeg', ['-v', 'error', '-y', '-f', 'lavfi', '-i', 'testsrc2=s=320x240:r=10', '-frames:v', '20', path]);
  await home.emulateMedia({ reducedMotion: 'no-preference' });
  await addFiles(home, path);
  await waitUntilReady(home, 'waves.gif');
  const tile = home.locator('.media-grid video');
  await expect.poll(() => time(tile)).toBeGreaterThan(0);
  await home.getByRole('button', { name: 'Pause waves.gif' }).click();
  await expect.poll(() => isPaused(tile)).toBe(true);
  await home.getByRole('button', { name: 'Play waves.gif' }).click();

  await openItem(home, 'waves.gif');
  const video = home.locator('figure video');
  await expect.poll(() => time(video)).toBeGreaterThan(0);
  await home.getByRole('button', { name: 'Pause waves.gif' }).click();
  await expect.poll(() => isPaused(video)).toBe(true);

  await home.emulateMedia({ reducedMotion: 'reduce' });
  await home.reload();
  const play = home.getByRole('button', { name: 'Play waves.gif' });
  await expect(play).toBeVisible();
  await expect(video).toHaveCount(0);
  await play.click();
  await expect.poll(() => time(video)).toBeGreaterThan(0);
});
