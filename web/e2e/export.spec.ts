// Proves that a member asks for all their data in the settings, sees the archive being built, and downloads it.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from './fixtures';

const LIST = "import json, sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print(json.dumps(z.namelist()))";

test('a member exports all their data and downloads the archive', async ({ home }) => {
  await home.goto('/settings');
  const section = home.getByRole('region', { name: 'Your data' });
  await section.getByRole('button', { name: 'Export my data' }).click();
  await expect(home.getByText('Your archive is being built.')).toBeVisible();
  await expect(section).toContainText(/Your archive (has been in the making|of .* is ready)/);
  const button = section.getByRole('button', { name: /^Download/ });
  await expect(button).toBeVisible();
  await expect(section).toContainText('It is deleted in');
  const started = home.waitForEvent('download');
  await button.click();
  const { stdout } = await promisify(execFile)('python3', ['-c', LIST, await (await started).path()]);
  expect((JSON.parse(stdout) as string[]).filter((name) => name.endsWith('.json'))).not.toEqual([]);
});
