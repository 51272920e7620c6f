// Proves that captions are added in the edit dialog, shown by the player of a private video, and removed.
import AxeBuilder from '@axe-core/playwright';
import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { addFiles, expect, openItem, showControls, test, waitUntilReady } from './fixtures';

test('captions are added, shown and removed', async ({ home, files }) => {
  const broken = join(files.folder, 'broken.vtt');
  const captions = join(files.folder, 'swing.vtt');
  await writeFile(broken, 'WEBVTT\n\n0:00 --> 0:12\nEveryone plays.\n');
  await writeFile(captions, 'WEBVTT\n\n00:00.000 --> 00:12.000\nTodos tocam.\n');
  await addFiles(home, files.clip);
  await waitUntilReady(home, basename(files.clip));
  await openItem(home, basename(files.clip));
  await expect(home.getByRole('button', { name: 'Captions', exact: true })).toHaveCount(0);

  const dialog = home.getByRole('dialog', { name: 'Edit' });
  await home.getByRole('button', { name: 'Edit', exact: true }).click();
  await dialog.getByLabel('Language').fill('pt-br');
  await dialog.getByLabel('Captions file').setInputFiles(broken);
  await dialog.getByRole('button', { name: 'Add captions' }).click();
  await expect(dialog.getByText(/Line 3 of the captions/)).toBeVisible();
  await dialog.getByLabel('Captions file').setInputFiles(captions);
  await dialog.getByRole('button', { name: 'Add captions' }).click();
  await expect(dialog.getByText('Português (Brasil)')).toBeVisible();
  const { violations } = await new AxeBuilder({ page: home }).include('dialog').withTags(['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']).analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`)).toEqual([]);
  await home.keyboard.press('Escape');

  // The browser fetches the track without a token: its URL is signed.
  const tracks = (): Promise<unknown> =>
    home.evaluate(() =>
      [...(document.querySelector('video.shown')?.querySelectorAll('track') ?? [])].map(({ track }) => [track.language, track.mode, ...[...(track.activeCues ?? [])].map((cue) => (cue as VTTCue).text)]),
    );
  await showControls(home);
  const button = home.getByRole('button', { name: 'Captions', exact: true });
  await button.click();
  await expect(button).toHaveAttribute('aria-pressed', 'true');
  await home.keyboard.press('k');
  await expect.poll(tracks).toEqual([['pt-BR', 'showing', 'Todos tocam.']]);
  await home.keyboard.press('k');
  await home.getByRole('button', { name: 'Quality and speed' }).click();
  await home.getByRole('menuitemradio', { name: 'Off', exact: true }).click();
  await expect.poll(tracks).toEqual([['pt-BR', 'disabled']]);

  await home.getByRole('button', { name: 'Edit', exact: true }).click();
  await dialog.getByRole('button', { name: 'Remove captions: Português (Brasil)' }).click();
  await expect(dialog.getByText('Português (Brasil)')).toHaveCount(0);
  await home.keyboard.press('Escape');
  await expect(button).toHaveCount(0);
});
