// Proves what a visitor reaches without a session: public items, the player in a page of another site, links that expire.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename } from 'node:path';
import { addFiles, collectErrors, expect, openItem, test, waitUntilReady } from './fixtures';

test('a visitor sees what is public, whose it is, and plays it, also in a page of another site', async ({ home, files, member, browser, serverUrl }) => {
  const name = basename(files.clip);
  await addFiles(home, files.clip, files.photo);
  await waitUntilReady(home, name);
  await openItem(home, name);
  await home.getByRole('button', { name: 'Share' }).click();
  await home.getByRole('button', { name: 'Everyone' }).click();
  await expect(home.getByLabel('Link', { exact: true })).toBeVisible();
  const player = home.url().replace('/m/', '/embed/');

  const context = await browser.newContext({ baseURL: serverUrl });
  const visitor = await context.newPage();
  const browserErrors = collectErrors(visitor);
  await visitor.goto(`/u/${member.handle}`);
  await expect(visitor.getByRole('heading', { name: 'Public items' })).toBeVisible();
  await expect(visitor.locator('.media-grid li')).toHaveCount(1);
  await visitor.locator('.media-grid').getByRole('link').click();
  await expect(visitor.getByRole('heading', { level: 1, name })).toBeVisible();
  await visitor.getByRole('link', { name: member.handle }).click();
  await expect(visitor).toHaveURL(`${serverUrl}/u/${member.handle}`);
  await visitor.goto(home.url());
  await visitor.getByRole('button', { name: 'Play', exact: true }).first().click();
  await expect.poll(() => visitor.evaluate(() => document.querySelector('video')?.currentTime ?? -1)).toBeGreaterThan(0.5);

  const site = createServer((_, response) => response.setHeader('Content-Type', 'text/html').end(`<!doctype html><title>A blog</title><iframe src="${player}" width="640" height="400" allow="autoplay"></iframe>`));
  await new Promise<void>((ready) => site.listen(0, '127.0.0.1', ready));
  await visitor.goto(`http://localhost:${(site.address() as AddressInfo).port}/`);
  const frame = visitor.frameLocator('iframe');
  await expect(frame.getByRole('link', { name })).toHaveAttribute('target', '_blank');
  await expect(frame.getByRole('banner')).toHaveCount(0);
  await frame.getByRole('button', { name: 'Play', exact: true }).first().click();
  await expect.poll(() => frame.locator('video').first().evaluate((video: HTMLVideoElement) => video.currentTime)).toBeGreaterThan(0.5);
  site.close();
  expect(browserErrors).toEqual([]);
  await context.close();
});

test('a link that expires opens a private photo until it is revoked', async ({ home, files, browser, serverUrl }) => {
  const name = basename(files.photo);
  await addFiles(home, files.photo);
  await waitUntilReady(home, name);
  await openItem(home, name);
  await home.getByRole('button', { name: 'Share' }).click();
  await home.getByRole('button', { name: '7 days' }).click();
  const link = await home.getByLabel('Link that expires', { exact: true }).inputValue();
  expect(link).toMatch(new RegExp(`^${serverUrl}/s/[0-9A-Za-z]{22}$`));

  const context = await browser.newContext({ baseURL: serverUrl });
  const visitor = await context.newPage();
  await visitor.goto(link);
  await expect(visitor.getByRole('heading', { level: 1, name })).toBeVisible();
  await expect(visitor.getByText('Shared with you until')).toBeVisible();
  await expect.poll(() => visitor.locator('figure img').evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(300);
  await visitor.goto(home.url());
  await expect(visitor.getByRole('heading', { name: 'This item is not available' })).toBeVisible();

  await home.getByRole('button', { name: /^Revoke the link/ }).click();
  await expect(home.getByRole('button', { name: /^Revoke the link/ })).toHaveCount(0);
  await visitor.goto(link);
  await expect(visitor.getByRole('heading', { name: 'This item is not available' })).toBeVisible();
  await context.close();
});
