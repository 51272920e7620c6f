// Owns what the page does when a notification of this device was clicked: it shows what that leads to, and marks the notice as
// read. The service worker says so (worker.js).
import { markRead } from '../api/notifications';
import { router } from '../router/router.svelte';

interface OpenedMessage {
  kind: 'notice-opened';
  url: string;
  notice: string | null;
}

const isOpened = (data: unknown): data is OpenedMessage => typeof data === 'object' && data !== null && (data as Partial<OpenedMessage>).kind === 'notice-opened';

/** Listens for as long as the page is open. */
export function followOpenedNotices(): void {
  if (!('serviceWorker' in navigator)) return;
  navigator.serviceWorker.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
    if (!isOpened(data)) return;
    if (data.url !== location.pathname + location.search) router.go(data.url);
    // One that has grown, or was removed, is not there under this id any more: then it stays as it is. The stream has the counts.
    if (data.notice !== null) void markRead([data.notice]).catch(() => undefined);
  });
}
