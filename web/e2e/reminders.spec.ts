// Proves that a member sets reminders at a time and before the end of a story, puts one off, and removes one; and that the story
// takes its reminder with it.
import { expect, test } from './fixtures';
import { overlaps } from './overlaps';
import { violations } from './violations';

const NEXT_YEAR = new Date().getFullYear() + 1;

test('a reminder is set, put off and removed, and one before the end of a story goes with the story', async ({ home }) => {
  await home.goto('/notifications');
  await home.getByRole('link', { name: 'Reminders' }).click();
  const rows = home.getByRole('main').getByRole('listitem');
  await expect(home.getByText('You have no reminders.')).toBeVisible();
  await home.getByRole('button', { name: 'Set reminder' }).click();
  await expect(home.getByLabel('What to remind you of')).toBeFocused();
  await home.getByLabel('What to remind you of').fill('Choose the song');
  await home.getByLabel('When').fill('2020-03-28T09:00');
  await home.getByRole('button', { name: 'Set reminder' }).click();
  await expect(home.getByRole('alert')).toContainText('must be later than now');
  await home.getByLabel('When').fill(`${NEXT_YEAR}-03-28T09:00`);
  await home.getByRole('button', { name: 'Set reminder' }).click();
  await expect(home.getByText('The reminder is set.')).toBeVisible();
  await expect(rows).toHaveText([/Choose the song.*To come/s]);

  // A story has a date that a reminder can follow.
  await home.goto('/compose');
  await home.getByLabel('Text', { exact: true }).fill('Tonight only');
  await home.getByRole('radio', { name: /^Everyone/ }).check();
  await home.getByRole('checkbox', { name: /^A story/ }).check();
  await home.getByRole('button', { name: 'Post', exact: true }).click();
  await home.getByRole('article').getByRole('link', { name: 'Remind me before it ends' }).click();
  await home.getByLabel('What to remind you of').fill('Save the story');
  await home.getByLabel('How long before').selectOption('On that day');
  // The midnight before it ends is always ahead.
  await home.getByLabel('Time of day').fill('00:00');
  await expect(async () => {
    // The date comes to this part of the server a moment later.
    await home.getByRole('button', { name: 'Set reminder' }).click();
    await expect(rows.filter({ hasText: 'Save the story' })).toContainText('On that day, 00:00', { timeout: 1_000 });
  }).toPass();
  expect(await violations(home)).toEqual([]);
  for (const width of [390, 1440]) {
    await home.setViewportSize({ width, height: 900 });
    expect(await overlaps(home), `${width} px`).toEqual([]);
  }
  await rows.filter({ hasText: 'Save the story' }).getByRole('link', { name: 'What it is about' }).click();
  await home.getByRole('article').getByRole('button', { name: 'Delete' }).click();
  await home.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await expect(home.getByRole('article')).toHaveCount(0);
  await expect(async () => {
    await home.goto('/reminders');
    await expect(rows.filter({ hasText: 'Save the story' })).toContainText('Cancelled with its date', { timeout: 1_000 });
  }).toPass();

  // One that has come can be put off. The server’s clock is not the test’s, so it is said that it has.
  await home.route('**/v1/reminders?*', async (route) => {
    const response = await route.fetch();
    const list = (await response.json()) as { items: { text: string; state: string }[] };
    return route.fulfill({ response, json: { ...list, items: list.items.map((item) => (item.text === 'Choose the song' ? { ...item, state: 'fired' } : item)) } });
  });
  await home.reload();
  const song = rows.filter({ hasText: 'Choose the song' });
  await song.getByRole('button', { name: 'Again tomorrow' }).press('Enter');
  await expect(home.getByText('You will be reminded again:')).toBeVisible();
  await expect(song).toContainText('To come');
  await expect(home.getByRole('heading', { level: 1, name: 'Reminders' })).toBeFocused();
  await home.unroute('**/v1/reminders?*');
  await song.getByRole('button', { name: 'Remove reminder' }).click();
  await expect(song).toHaveCount(0);
  await home.reload();
  await expect(rows).toHaveText([/Save the story/]);
});
