// Proves that the owner is told of each item that others do not see in a shared album.
import { expect, it } from 'vitest';
import { isHidden } from './hiddenItems';

it('an album hides what is not shared as widely', () => {
  const hidden = (album: 'private' | 'unlisted' | 'public') => (['private', 'unlisted', 'public'] as const).filter((item) => isHidden(item, album));
  expect([hidden('private'), hidden('unlisted'), hidden('public')]).toEqual([[], ['private'], ['private', 'unlisted']]);
});
