// Proves that a member asks for all their data in the settings, sees the archive being built, downloads it once they have
// proven who they are, and is told when files are missing in it.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Download } from '@playwright/test';
import { expect, fleet, test, type Member, type Server } from './fixtures';

const run = promisify(execFile);
const LIST = "import json, sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print(json.dumps(z.namelist()))";
const AGE = `
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=30)
aged = db.execute("update session set proven_at = '2020-01-01T00:00:00+00:00' where account_id = (select id from account where handle = ?)", (sys.argv[2],))
db.commit()
assert aged.rowcount == 1, aged.rowcount
`;

/** Returns the JSON files of an archive that was downloaded whole. */
async function jsonFiles(download: Download): Promise<string[]> {
  const { stdout } = await run('python3', ['-c', LIST, await download.path()]);
  return (JSON.parse(stdout) as string[]).filter((name) => name.endsWith('.json'));
}

/** Makes the last proof of a member as old as no server accepts, which would take minutes of waiting otherwise. */
const ageProof = (server: Server, member: Member): Promise<unknown> => run('python3', ['-c', AGE, join(server.data, 'accounts.db'), member.handle]);

test('a member exports all their data and downloads the archive, later only after a proof', async ({ home, member, server }) => {
  await home.goto('/settings');
  const section = home.getByRole('region', { name: 'Your data' });
  await section.getByRole('button', { name: 'Export my data' }).click();
  await expect(home.getByText('Your archive is being built.')).toBeVisible();
  await expect(section).toContainText(/Your archive (has been in the making|of .* is ready)/);
  const button = section.getByRole('button', { name: /^Download/ });
  await expect(button).toBeVisible();
  await expect(section).toContainText('It is deleted in');
  await expect(section).not.toContainText('not complete');
  const started = home.waitForEvent('download');
  await button.click();
  expect(await jsonFiles(await started)).toContain('account.json');

  // The rows of a fleet are in no folder of this machine.
  if (fleet !== undefined) return;
  await ageProof(server, member);
  const downloads: Download[] = [];
  home.on('download', (download) => downloads.push(download));
  await button.click();
  const dialog = home.getByRole('dialog', { name: 'Confirm that it is you' });
  await dialog.getByLabel('Password').fill('not the password at all');
  await dialog.getByRole('button', { name: 'Confirm' }).click();
  await expect(dialog.getByLabel('Password')).toHaveAttribute('aria-invalid', 'true');
  expect(downloads).toEqual([]);
  await dialog.getByLabel('Password').fill(member.password);
  await dialog.getByRole('button', { name: 'Confirm' }).click();
  await expect(dialog).toHaveCount(0);
  await expect.poll(() => downloads.length).toBe(1);
  expect(await jsonFiles(downloads[0]!)).toContain('account.json');
});

test('an archive that is not complete says how many files are missing', async ({ home }) => {
  const archive = { id: 'x', state: 'ready', created_at: '2026-05-17T09:30:00Z', ready_at: '2026-05-17T09:31:00Z', expires_at: '2099-05-24T09:31:00Z', bytes: 5_000, missing_count: 2, url: null, error: null };
  await home.route('**/v1/me/exports', (route) => route.fulfill({ json: { items: [archive], next: null } }));
  await home.goto('/settings');
  await expect(home.getByRole('region', { name: 'Your data' })).toContainText('It is not complete: 2 of your files could not be put into it.');
});
