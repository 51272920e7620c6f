// Proves what is taken off this device when notices are read, and that nothing else is.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { clearShown, closeShown, showCounts } from './shownNotices';

let shown: string[];
let badges: (number | null)[];

beforeEach(() => {
  [shown, badges] = [['g1', 'g2'], []];
  const getNotifications = async () => shown.map((tag) => ({ tag, close: () => (shown = shown.filter((other) => other !== tag)) }));
  vi.stubGlobal('navigator', {
    serviceWorker: { getRegistration: async () => ({ getNotifications }) },
    setAppBadge: async (count: number) => void badges.push(count),
    clearAppBadge: async () => void badges.push(null),
  });
});
afterEach(() => vi.unstubAllGlobals());

it('closes the notifications of the groups that were read', async () => {
  await closeShown(['g2', 'g3']);
  expect(shown).toEqual(['g1']);
  await closeShown();
  expect(shown).toEqual([]);
});

it('closes all once nothing is unread, and keeps the number on the icon', async () => {
  showCounts(null);
  showCounts({ unseen: 1, unread: 2 });
  await Promise.resolve();
  expect([shown, badges]).toEqual([['g1', 'g2'], [1]]);
  showCounts({ unseen: 0, unread: 0 });
  await vi.waitFor(() => expect(shown).toEqual([]));
  expect(badges).toEqual([1, 0]);
});

it('leaves nothing when no member is signed in any more, and does nothing in a browser that has none of it', async () => {
  clearShown();
  await vi.waitFor(() => expect(shown).toEqual([]));
  expect(badges).toEqual([null]);
  vi.stubGlobal('navigator', {});
  showCounts({ unseen: 0, unread: 0 });
  clearShown();
  await closeShown();
});
