// Proves that every text of the account and its settings is in the message files: see pseudoLocale.ts.
import { expect, test } from './pseudoLocale';

test('no page of the account and no dialog has a text outside the message files', async ({ page, member, files, walk }) => {
  const { main, dialog, open, check, closeDialog, join, token } = walk;
  await join();
  // Another session, to revoke.
  await token();
  await open('/settings', 'main section li');
  await check('settings');
  await page.locator('main input[type="file"]').setInputFiles(files.pdf);
  await expect(main.locator('.note.error')).toBeVisible();
  await check('no picture');
  await main.locator('form').first().locator('button').click();
  await check('profile saved');
  await main.locator('li button').first().click();
  await check('session revoked');
  await main.locator('section[aria-labelledby="email-title"] button').last().click();
  await check('change e-mail');
  await closeDialog();
  await main.locator('section[aria-labelledby="factors-title"] .row button').first().click();
  await expect(dialog.locator('form')).toBeVisible();
  await check('a second factor');
  await closeDialog();
  await main.locator('section').last().locator('button').click();
  await check('delete account');
  await closeDialog();
  const archive = { id: 'x', created_at: '2026-05-17T09:30:00Z', ready_at: null, expires_at: '2099-05-17T09:30:00Z', bytes: 12_345_678, missing_count: 2, url: null, error: null };
  for (const states of [['building', 'ready'], ['failed'], ['expired']]) {
    await page.route('**/v1/me/exports', (route) => route.fulfill({ json: { items: states.map((state) => ({ ...archive, id: state, state })), next: null } }));
    await open('/settings', '#export .note, #export > div > button');
    await check(`exports: ${states.join()}`);
    await page.unroute('**/v1/me/exports');
  }
  await page.route('**/v1/me/export', (route) => route.fulfill({ status: 403, contentType: 'application/problem+json', json: { code: 'auth.proof_required', detail: 'Prove it.', proofs: ['password'] } }));
  await main.locator('#export button').last().click();
  await expect(dialog.locator('input[type="password"]')).toBeFocused();
  await check('a proof');
  await closeDialog();
  await page.unroute('**/v1/me/export');

  // API keys.
  await open('/settings/api-keys', 'main section form');
  await check('no API keys');
  await main.locator('select[name="expiry"]').selectOption('date');
  await main.locator('form button').click();
  await check('a key, refused');
  await main.locator('select[name="expiry"]').selectOption('never');
  await main.locator('input[name="key-name"]').fill('海');
  for (const box of await main.locator('input[name="scopes"]').all()) await box.check();
  await main.locator('form button').click();
  await expect(dialog.locator('input')).toHaveValue(/^tutti_/);
  await check('a new key');
  await dialog.locator('.row button').last().click();
  await expect(main.locator('li')).toHaveCount(1);
  await check('a key');
  await main.locator('li button').click();
  await check('revoke a key');
  await dialog.locator('.row button').first().click();
  await expect(main.locator('li')).toHaveCount(0);
  await check('a key is revoked');
  await open(`/u/${member.handle}`);
  await check('member');
  await page.route('**/v1/sessions/refresh', (route) => route.abort());
  await open('/');
  await check('server unreachable');
});
