// Proves that a photo in full screen is zoomed and panned by every means, and gets sharper when it has to.
import { execFile } from 'node:child_process';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import type { Locator, Page } from '@playwright/test';
import { addFiles, expect, openItem, test, waitUntilReady } from './fixtures';

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

const boxOf = async (image: Locator): Promise<Box> => (await image.boundingBox()) as Box;
const pixels = (image: Locator): Promise<number> => image.evaluate((one: HTMLImageElement) => one.naturalWidth);

async function openFullScreen(page: Page, path: string): Promise<Locator> {
  await openItem(page, basename(path));
  await page.getByRole('button', { name: /full screen$/ }).click();
  const image = page.getByRole('dialog').locator('img');
  await expect.poll(() => pixels(image)).toBeGreaterThan(0);
  return image;
}

async function makePhoto(folder: string, name: string, size: string): Promise<string> {
  const path = join(folder, name);
  await promisify(execFile)('ffmpeg', ['-v', 'error', '-y', '-f', 'lavfi', '-i', `testsrc2=s=${size}`, '-frames:v', '1', path]);
  return path;
}

test('a photo is zoomed by wheel, double click, keys and buttons, and moved by mouse and keys', async ({ library: home, files }) => {
  const image = await openFullScreen(home, files.photo);
  const whole = await boxOf(image);
  expect(whole.width).toBeCloseTo(1350, 0);

  // Towards the cursor: the point under it stays where it is.
  const at = { x: 400, y: 300 };
  const under = (box: Box): [number, number] => [(at.x - box.x) / box.width, (at.y - box.y) / box.height];
  await home.mouse.move(at.x, at.y);
  await home.mouse.wheel(0, -300);
  await expect.poll(async () => (await boxOf(image)).width).toBeGreaterThan(whole.width * 1.5);
  const zoomed = await boxOf(image);
  expect(under(zoomed)[0]).toBeCloseTo(under(whole)[0], 2);
  expect(under(zoomed)[1]).toBeCloseTo(under(whole)[1], 2);

  await home.mouse.down();
  await home.mouse.move(at.x + 90, at.y + 60, { steps: 4 });
  await home.mouse.up();
  const moved = await boxOf(image);
  expect([moved.x - zoomed.x, moved.y - zoomed.y].map(Math.round)).toEqual([90, 60]);
  expect(await home.evaluate(() => scrollY)).toBe(0);

  await home.keyboard.press('ArrowRight');
  expect((await boxOf(image)).x).toBeLessThan(moved.x - 100);
  await home.keyboard.press('0');
  await expect.poll(() => boxOf(image)).toEqual(whole);
  await home.keyboard.press('+');
  expect((await boxOf(image)).width).toBeCloseTo(whole.width * 1.5, 0);
  await home.keyboard.press('-');
  await expect.poll(async () => Math.round((await boxOf(image)).width)).toBe(Math.round(whole.width));

  await home.mouse.dblclick(at.x, at.y);
  expect((await boxOf(image)).width).toBeGreaterThan(whole.width * 1.9);
  await home.getByRole('button', { name: 'Show the whole photo' }).click();
  await expect.poll(() => boxOf(image)).toEqual(whole);
  await home.getByRole('button', { name: 'Zoom in' }).click();
  expect((await boxOf(image)).width).toBeGreaterThan(whole.width);

  // Escape first shows the whole photo, then closes; the focus returns.
  await home.keyboard.press('Escape');
  await expect.poll(() => boxOf(image)).toEqual(whole);
  await home.keyboard.press('Escape');
  await expect(home.getByRole('dialog')).toBeHidden();
  await expect(home.getByRole('button', { name: /full screen$/ })).toBeFocused();
});

test('a tall, a wide and a large photo fit, and show their own pixels when they are zoomed', async ({ home, files }) => {
  const sizes = [['tall.png', 300, 6000], ['wide.png', 6000, 300], ['large.png', 5000, 4000]] as const;
  await addFiles(home, ...(await Promise.all(sizes.map(([name, width, height]) => makePhoto(files.folder, name, `${width}x${height}`)))));
  for (const [name, width, height] of sizes) {
    await waitUntilReady(home, name);
    const image = await openFullScreen(home, name);
    const whole = await boxOf(image);
    expect(whole.width, name).toBeLessThanOrEqual(1440.5);
    expect(whole.height, name).toBeLessThanOrEqual(900.5);
    expect(whole.width / whole.height, name).toBeCloseTo(width / height, 1);
    expect(await pixels(image), name).toBeLessThanOrEqual(2560);
    await home.mouse.dblclick(720, 450);
    await expect.poll(async () => Math.round((await boxOf(image)).width), { message: name }).toBe(width);
    await expect.poll(() => pixels(image), { message: name }).toBe(width);
    expect(await image.evaluate((one: HTMLImageElement) => one.naturalHeight), name).toBe(height);
    await home.goto('/');
  }
});

test.describe('on a phone', () => {
  test.use({ hasTouch: true, isMobile: true, viewport: { width: 390, height: 844 } });

  test('two fingers zoom, one moves, a double tap goes back, and the page does not scroll', async ({ library: home, files }) => {
    const image = await openFullScreen(home, files.photo);
    const whole = await boxOf(image);
    const devtools = await home.context().newCDPSession(home);
    const touch = (type: string, ...points: [number, number][]): Promise<unknown> =>
      devtools.send('Input.dispatchTouchEvent', { type: type as 'touchStart', touchPoints: points.map(([x, y], id) => ({ x, y, id })) });
    await touch('touchStart', [175, 400], [215, 400]);
    for (let step = 1; step <= 6; step += 1) await touch('touchMove', [175 - step * 10, 400], [215 + step * 10, 400]);
    await touch('touchEnd');
    await expect.poll(async () => (await boxOf(image)).width).toBeGreaterThan(whole.width * 2.5);
    const zoomed = await boxOf(image);
    expect(await home.evaluate(() => visualViewport?.scale)).toBe(1);

    await touch('touchStart', [200, 400]);
    for (let step = 1; step <= 4; step += 1) await touch('touchMove', [200 + step * 15, 400]);
    await touch('touchEnd');
    await expect.poll(async () => Math.round((await boxOf(image)).x - zoomed.x)).toBe(60);
    expect(await home.evaluate(() => scrollY)).toBe(0);

    for (let tap = 0; tap < 2; tap += 1) {
      await touch('touchStart', [200, 400]);
      await touch('touchEnd');
    }
    await expect.poll(() => boxOf(image)).toEqual(whole);
  });
});
