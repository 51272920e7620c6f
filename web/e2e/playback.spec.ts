// Proves what playback does beyond one page: what is loaded before Play, where an item continues, songs that go on across
// pages, and the system's media keys.
import { copyFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Page } from '@playwright/test';
import { addFiles, expect, openItem, showControls, test, waitUntilReady } from './fixtures';

const timeOf = (page: Page, tag: 'video' | 'audio'): Promise<number> => page.evaluate((name) => document.querySelector<HTMLMediaElement>(name)?.currentTime ?? -1, tag);
const isPlaying = (page: Page): Promise<boolean> => page.evaluate(() => [...document.querySelectorAll('audio')].some((one) => !one.paused));
const stored = (page: Page): Promise<string | null> => page.evaluate(() => localStorage.getItem('tutti.resume'));
const play = (page: Page): Promise<void> => page.getByRole('main').getByRole('button', { name: 'Play', exact: true }).first().click();

test.describe('on a phone', () => {
  test.use({ hasTouch: true, isMobile: true, viewport: { width: 390, height: 844 } });

  test('nothing of a stream is loaded before Play', async ({ library: home, files }) => {
    for (const [file, tag] of [[files.clip, 'video'], [files.song, 'audio']] as const) {
      await home.goto('/');
      const loaded: string[] = [];
      home.on('request', (request) => /\/hls[/-]|\/files\//.test(new URL(request.url()).pathname) && loaded.push(request.url()));
      await openItem(home, basename(file));
      if (tag === 'video') await expect(home.locator('.picture img').last()).toHaveJSProperty('complete', true);
      await home.waitForTimeout(1500);
      expect(loaded).toEqual([]);
      await play(home);
      await expect.poll(() => timeOf(home, tag)).toBeGreaterThan(0.3);
      expect(loaded.length).toBeGreaterThan(1);
    }
  });
});

test('a video continues where it was left, and starts again once it was seen', async ({ library: home, files }) => {
  await openItem(home, basename(files.clip));
  const link = home.url();
  await play(home);
  await expect.poll(() => timeOf(home, 'video')).toBeGreaterThan(0.2);
  await home.keyboard.press('k');
  await home.keyboard.press('5');
  await expect.poll(() => stored(home)).toContain(',6]');
  await home.reload();
  await expect(home.locator('.time')).toContainText('0:06');
  await play(home);
  await expect.poll(() => timeOf(home, 'video')).toBeGreaterThan(6);
  expect(await timeOf(home, 'video')).toBeLessThan(9);
  await home.keyboard.press('End');
  await expect.poll(() => stored(home)).toBeNull();
  await home.goto(link);
  await expect(home.locator('.time')).toContainText('0:00');

  // What a member has seen is no other's to know.
  await play(home);
  await home.keyboard.press('k');
  await home.keyboard.press('5');
  await expect.poll(() => stored(home)).not.toBeNull();
  await home.getByRole('link', { name: /Your profile/ }).click();
  await home.getByRole('button', { name: 'Sign out', exact: true }).click();
  await expect(home.getByRole('heading', { name: 'Everyone plays.' })).toBeVisible();
  expect(await stored(home)).toBeNull();
});

test('a song goes on across pages until it is closed or the member signs out', async ({ home, files }) => {
  const second = join(files.folder, 'polka.mp3');
  await copyFile(files.song, second);
  await addFiles(home, files.song);
  await waitUntilReady(home, basename(files.song));
  await addFiles(home, second, files.photo);
  for (const file of [second, files.photo]) await waitUntilReady(home, basename(file));
  await openItem(home, basename(files.song));
  await play(home);
  await expect.poll(() => timeOf(home, 'audio')).toBeGreaterThan(0.2);
  const mini = home.getByRole('region', { name: /^Player: / }).and(home.locator('.mini-player'));
  await expect(mini).toBeHidden();
  await home.evaluate(() => Object.assign(globalThis, { song: document.querySelector('audio') }));

  await home.getByRole('link', { name: /Your profile/ }).click();
  await expect(home.getByRole('heading', { name: 'Settings' })).toBeVisible();
  const before = await timeOf(home, 'audio');
  await expect.poll(() => timeOf(home, 'audio')).toBeGreaterThan(before + 0.5);
  await mini.getByRole('button', { name: 'Pause' }).click();
  await expect.poll(() => isPlaying(home)).toBe(false);
  await mini.getByRole('button', { name: 'Play' }).click();
  await expect.poll(() => isPlaying(home)).toBe(true);
  await mini.getByRole('link').click();
  await expect(home.getByRole('heading', { level: 1, name: basename(files.song) })).toBeVisible();
  await expect(mini).toBeHidden();
  await expect(home.getByRole('main').getByRole('button', { name: 'Pause' })).toBeVisible();
  expect(await home.evaluate(() => document.querySelector('audio') === (globalThis as unknown as { song: Element }).song)).toBe(true);

  // The library is its list: photos are left out.
  await home.getByRole('link', { name: 'Tutti, home' }).click();
  await expect(home.locator('.media-grid li')).toHaveCount(3);
  await mini.getByRole('button', { name: 'Previous song' }).click();
  await expect(mini.getByRole('link')).toHaveText(basename(second));
  await expect.poll(() => isPlaying(home)).toBe(true);
  await expect(home.locator('audio')).toHaveCount(1);
  await expect(mini.getByRole('button', { name: 'Previous song' })).toHaveCount(0);
  await mini.getByRole('button', { name: 'Close' }).click();
  await expect(home.locator('audio')).toHaveCount(0);

  await openItem(home, basename(files.song));
  await play(home);
  await expect.poll(() => isPlaying(home)).toBe(true);
  await home.getByRole('link', { name: /Your profile/ }).click();
  await home.getByRole('button', { name: 'Sign out', exact: true }).click();
  await expect(home.getByRole('heading', { name: 'Everyone plays.' })).toBeVisible();
  await expect(home.locator('audio')).toHaveCount(0);
  await expect(mini).toHaveCount(0);
});

test('the system shows what plays, and its media keys work', async ({ library: home, files }) => {
  await home.addInitScript(() => {
    const handlers = new Map<string, MediaSessionActionHandler | null>();
    Object.assign(globalThis, { mediaKeys: handlers });
    const set = navigator.mediaSession.setActionHandler.bind(navigator.mediaSession);
    navigator.mediaSession.setActionHandler = (action, handler) => {
      handlers.set(action, handler);
      set(action, handler);
    };
  });
  await home.reload();
  const press = (action: MediaSessionAction, seekTime?: number): Promise<void> =>
    home.evaluate(([name, time]) => {
      const { mediaKeys } = globalThis as unknown as { mediaKeys: Map<string, MediaSessionActionHandler | null> };
      mediaKeys.get(name as string)?.({ action: name as MediaSessionAction, ...(time === undefined ? {} : { seekTime: time as number }) });
    }, [action, seekTime] as const);
  const title = (): Promise<string | undefined> => home.evaluate(() => navigator.mediaSession.metadata?.title);
  await openItem(home, basename(files.clip));
  await play(home);
  await expect.poll(title).toBe(basename(files.clip));
  await press('pause');
  await expect.poll(() => home.evaluate(() => document.querySelector('video')?.paused)).toBe(true);
  expect(await home.evaluate(() => navigator.mediaSession.playbackState)).toBe('paused');
  await press('seekto', 4);
  await expect.poll(() => timeOf(home, 'video')).toBeCloseTo(4, 0);
  await press('play');
  await expect.poll(() => home.evaluate(() => document.querySelector('video')?.paused)).toBe(false);
  await showControls(home);
  const popOut = home.getByRole('button', { name: 'Picture in picture' });
  if (await home.evaluate(() => document.pictureInPictureEnabled)) await expect(popOut).toBeEnabled();
  else await expect(popOut).toHaveCount(0);
  await press('nexttrack');
  await expect(home.getByRole('heading', { level: 1, name: basename(files.song) })).toBeVisible();

  await play(home);
  await expect.poll(title).toBe(basename(files.song));
  await press('pause');
  await expect.poll(() => isPlaying(home)).toBe(false);
  await home.getByRole('link', { name: 'Tutti, home' }).click();
  await expect(home.locator('audio')).toHaveCount(0);
  expect(await title()).toBeUndefined();
});
