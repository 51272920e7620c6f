// Proves that an operator looks after media, mails, timed jobs, the fleet, flags, webhooks and keys in the console.
import { fleet } from './fixtures';
import { expect, openPage, test } from './operators';
import { violations } from './violations';

test.skip(fleet !== undefined, 'the roles are given on the machine of the server');

test('an operator looks after media, mails, processes, logs, flags, webhooks and keys', async ({ console: home, operator: { member }, owner }) => {
  const dialog = home.getByRole('dialog');
  const confirm = async (reason: string, action: string): Promise<void> => {
    await dialog.getByLabel('Reason').fill(reason);
    await dialog.getByRole('button', { name: action, exact: true }).click();
  };

  // Media, by member; of all members only what failed.
  await openPage(home, 'Media');
  await home.getByLabel('State', { exact: true }).selectOption('Ready');
  await home.getByRole('button', { name: 'Apply' }).click();
  await expect(home.getByText('Only what failed is listed of all members.')).toBeVisible();
  await home.getByLabel('Member', { exact: true }).fill(`@${owner.handle}`);
  await home.getByRole('button', { name: 'Apply' }).click();
  await home.getByRole('rowheader').getByRole('link', { name: 'harbour' }).click();
  await expect(home.getByRole('heading', { level: 2, name: 'Renditions' })).toBeVisible();

  // A mail: its text, and its HTML in a frame that runs nothing.
  await openPage(home, 'Mails');
  await home.getByRole('row').filter({ hasText: member.email }).getByRole('rowheader').getByRole('link').last().click();
  await expect(home.getByText('That you opened this mail is in the audit trail')).toBeVisible();
  await expect(home.getByRole('heading', { level: 2, name: 'Content' })).toBeVisible();
  await expect(home.locator('pre')).toContainText(member.handle);
  expect(await violations(home)).toEqual([]);
  await home.getByRole('radio', { name: 'HTML' }).check();
  const frame = home.getByTitle('Content of the mail');
  await expect(frame).toHaveAttribute('sandbox', '');
  await expect(frame).toHaveAttribute('srcdoc', /default-src 'none'/);

  // A job is paused, runs once all the same, and is resumed.
  await openPage(home, 'Timed jobs');
  const sweep = home.getByRole('row').filter({ hasText: 'media.sweep' });
  await expect(sweep).toContainText('every 10 minutes');
  await home.getByRole('button', { name: 'Pause media.sweep' }).click();
  await confirm('A test of the clock.', 'Pause');
  await expect(sweep).toContainText('Paused');
  await expect(sweep).toContainText('A test of the clock.');
  await home.getByRole('button', { name: 'Run media.sweep now' }).click();
  await confirm('A test of the clock.', 'Run now');
  await expect(sweep).toContainText(`Asked for by ${member.handle}`);
  expect(await violations(home)).toEqual([]);
  await home.getByRole('button', { name: 'Resume media.sweep' }).click();
  await confirm('The test is over.', 'Resume');
  await expect(sweep).not.toContainText('Paused');
  await home.getByRole('link', { name: /^All runs of/ }).first().click();
  await expect(home.getByRole('heading', { level: 1, name: 'History of a job' })).toBeVisible();
  await expect(home.getByRole('table')).toBeVisible();

  // The fleet is one process here.
  await openPage(home, 'Processes');
  await expect(home.getByText('The one process is ready.')).toBeVisible();
  await home.getByRole('link', { name: /^Configuration of/ }).click();
  await expect(home.getByRole('heading', { level: 1, name: 'Configuration' })).toBeVisible();
  await home.getByRole('searchbox').fill('admin.listen');
  await expect(home.getByRole('row').filter({ hasText: 'admin.listen' }).first()).toContainText('127.0.0.1');
  await openPage(home, 'Logs');
  await expect(home.getByRole('row').nth(1)).toBeVisible();
  await home.getByRole('button', { name: 'Follow' }).click();
  await expect(home.getByText('New lines come every three seconds.')).toBeVisible();
  await home.getByLabel('Contains', { exact: true }).fill('no line has this text');
  await home.getByRole('button', { name: 'Apply' }).click();
  await expect(home.getByText('No line is found.')).toBeVisible();
  // Lines of a time, and those of one request.
  await home.getByRole('link', { name: 'Clear', exact: true }).click();
  await home.getByLabel('From', { exact: true }).fill('2001-01-02T03:04');
  await home.getByLabel('To', { exact: true }).fill('2001-01-01T00:00');
  await home.getByRole('button', { name: 'Apply' }).click();
  await expect(home.getByText('To must be after From.')).toBeVisible();
  await home.getByLabel('To', { exact: true }).fill('2001-01-03T00:00');
  await home.getByRole('button', { name: 'Apply' }).click();
  await expect(home.getByText('No line is found.')).toBeVisible();
  await home.getByLabel('To', { exact: true }).fill('');
  await home.getByRole('button', { name: 'Apply' }).click();
  await expect(home.getByRole('row').nth(1)).toBeVisible();
  await home.getByLabel('Request', { exact: true }).fill('0198c5a4e7d17f3ab1d2c3e4f5a6b7c8');
  await home.getByRole('button', { name: 'Apply' }).click();
  await expect(home.getByText('No line is found.')).toBeVisible();

  // A flag is switched with a reason, and back.
  await openPage(home, 'Flags');
  await home.getByRole('button', { name: 'Switch off conversions' }).click();
  await confirm('A test of the flag.', 'Switch off');
  await expect(home.getByRole('row').filter({ hasText: 'conversions' })).toContainText('Off');
  await home.getByRole('button', { name: 'Switch on conversions' }).click();
  await confirm('The test is over.', 'Switch on');
  await expect(home.getByRole('row').filter({ hasText: 'conversions' })).toContainText('On');

  // A webhook: its secret is shown once.
  await openPage(home, 'Webhooks');
  await home.getByRole('button', { name: 'New webhook' }).click();
  await dialog.getByLabel('URL', { exact: true }).fill('https://hooks.example.org/tutti');
  await dialog.getByRole('button', { name: 'Create' }).click();
  await expect(dialog.getByText('Choose at least one event.')).toBeVisible();
  await dialog.getByRole('checkbox').first().check();
  await dialog.getByRole('button', { name: 'Create' }).click();
  await expect(dialog.getByLabel('Secret')).toHaveValue(/^whsec_/);
  expect(await violations(home)).toEqual([]);
  await home.keyboard.press('Escape');
  await expect(dialog.getByLabel('Secret')).toBeVisible();
  await dialog.getByRole('button', { name: 'I have saved it' }).click();
  await home.getByRole('rowheader').getByRole('link', { name: 'https://hooks.example.org/tutti' }).click();
  await home.getByRole('button', { name: 'Disable' }).click();
  await dialog.getByRole('button', { name: 'Disable' }).click();
  await expect(home.getByText('By an operator.')).toBeVisible();
  await home.getByRole('button', { name: 'New secret' }).click();
  await dialog.getByRole('button', { name: 'New secret' }).click();
  await expect(dialog.getByLabel('Secret')).toHaveValue(/^whsec_/);
  await dialog.getByRole('button', { name: 'I have saved it' }).click();
  expect(await violations(home)).toEqual([]);
  await home.getByRole('button', { name: 'Delete' }).click();
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await expect(home.getByRole('heading', { level: 1, name: 'Webhooks' })).toBeVisible();
  await expect(home.getByText('There are none.')).toBeVisible();

  // A key of the team, likewise.
  await openPage(home, 'API keys');
  await home.getByRole('button', { name: 'New key' }).click();
  await dialog.getByLabel('Name', { exact: true }).fill('Kiosk at the entrance');
  await dialog.getByRole('checkbox', { name: 'media:read' }).check();
  await confirm('The kiosk shows photos.', 'Create');
  await expect(dialog.getByLabel('API key')).toHaveValue(/^tutti/);
  await dialog.getByRole('button', { name: 'I have saved it' }).click();
  await home.getByRole('button', { name: 'Revoke Kiosk at the entrance' }).click();
  await confirm('The kiosk is gone.', 'Revoke');
  await expect(home.getByText('The key is revoked.')).toBeVisible();
  await expect(home.getByRole('row').filter({ hasText: 'Kiosk at the entrance' })).toHaveCount(0);
});
