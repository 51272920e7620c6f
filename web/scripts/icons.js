// Draws the icons of the installed page from the logo (public/favicon.svg) into public/icons: `npm run icons`.
// Run by hand after the logo has changed; the pictures are committed. Needs Chromium (TUTTI_CHROMIUM), as the tests do.
import { mkdirSync, readFileSync } from 'node:fs';
import { chromium } from '@playwright/test';

const OUT_DIR = 'public/icons';
const ICONS = [
  { name: 'icon-192.png', px: 192 },
  { name: 'icon-512.png', px: 512 },
  // A system cuts these to a shape of its own: the logo has no corners and stays in the inner 80 % (W3C Manifest, "maskable").
  { name: 'maskable-512.png', px: 512, square: true },
  { name: 'apple-touch-icon.png', px: 180, square: true },
];

const logo = readFileSync('public/favicon.svg', 'utf8');
const square = logo.replace('rx="8" fill', 'fill').replace('<g fill', '<g transform="translate(3.2 3.2) scale(.8)" fill');

mkdirSync(OUT_DIR, { recursive: true });
const browser = await chromium.launch({ executablePath: process.env['TUTTI_CHROMIUM'] ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
for (const icon of ICONS) {
  const page = await browser.newPage({ viewport: { width: icon.px, height: icon.px } });
  await page.setContent(`<style>body { margin: 0 } svg { display: block; width: 100vw; height: 100vh }</style>${icon.square ? square : logo}`);
  await page.screenshot({ path: `${OUT_DIR}/${icon.name}`, omitBackground: true });
  await page.close();
}
await browser.close();
