// Owns what of a member's notices is shown outside of the page: the notifications of this device, and the number on the icon
// of the installed page. Invariant: it only takes away; the service worker alone shows (worker.js).
import type { NoticeCounts } from '../api/types';

/** Closes the notifications of these groups of notices, or all. */
export async function closeShown(groups?: readonly string[]): Promise<void> {
  if (!('serviceWorker' in navigator)) return;
  try {
    const registration = await navigator.serviceWorker.getRegistration();
    const shown = (await registration?.getNotifications()) ?? [];
    for (const notification of shown) if (groups === undefined || groups.includes(notification.tag)) notification.close();
  } catch {
    // They stay until the member closes them.
  }
}

/** Takes what was seen or read elsewhere off this device: a browser is told nothing of that, because it shows something for each push. */
export function showCounts(counts: NoticeCounts | null): void {
  // Not known yet.
  if (counts === null) return;
  // Browsers without installed pages have no such function.
  void navigator.setAppBadge?.(counts.unseen).catch(() => undefined);
  if (counts.unread === 0) void closeShown();
}

/** Takes everything away: no member is signed in any more. */
export function clearShown(): void {
  void navigator.clearAppBadge?.().catch(() => undefined);
  void closeShown();
}
