// Proves that every text of the pages for visitors is in the message files: see pseudoLocale.ts.
import { accent } from '../src/messages/pseudo.js';
import { expect, test } from './pseudoLocale';

test('no page for visitors has a text outside the message files', async ({ page, walk: { main, open, check } }) => {
  await open('/');
  await expect(main.locator('h1')).toHaveText(`[${accent('Everyone')}] [${accent('plays.')}]`);
  await check('welcome');
  for (let press = 0; press < 3; press += 1) {
    await page.locator('header nav button').first().click();
    await check(`theme ${press}`);
  }
  for (const path of ['/sign-in', '/forgot', '/reset', '/confirm', '/appeals', '/nowhere', '/settings', '/m/5kT0vYq8Zb3mXw1RcHs9Ga', '/albums/5kT0vYq8Zb3mXw1RcHs9Ga', '/embed/5kT0vYq8Zb3mXw1RcHs9Ga', '/s/5kT0vYq8Zb3mXw1RcHs9Ga', '/u/nosuchmember', '/p/0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60']) {
    await open(path);
    await check(path);
  }
  await page.route('**/assets/JoinPage-*.js', (route) => route.abort());
  await open('/join');
  await check('a page that cannot be loaded');
  await page.unroute('**/assets/JoinPage-*.js');
  await open('/join', 'main form');
  await check('join');
  await main.locator('form button').click();
  await check('join, refused');
});
