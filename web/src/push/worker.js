// Owns what the service worker does with pushes: it shows each one, in the place of an earlier one about the same, and opens
// the page with a click. The build puts it behind shell/serviceWorker.js, whose names it uses.
// Invariant: each push shows something, because browsers end the subscription of a site that stays silent (Safari after three
// times); what is opened is a page of this site.

/* global self, SERVER_PATHS */
/** The title of every notification: the site's name, which is the same in all languages. */
const PUSH_TITLE = 'Tutti';
/** The list of notifications: what a push without a usable URL opens. */
const NOTICE_LIST = '/notifications';

self.addEventListener('push', (event) => event.waitUntil(showPush(readPush(event.data))));

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(openPage(event.notification.data ?? {}));
});

/** The fields of a push: texts, as docs/guides/push.md names them. None of a push that is no JSON. */
function readPush(data) {
  try {
    const push = data?.json();
    return typeof push === 'object' && push !== null ? push : {};
  } catch {
    return {};
  }
}

async function showPush({ action, group, notice, text, url, badge }) {
  // The server withdraws nothing from browsers. If it did, the text goes and the notification stays, without a sound.
  const isShown = action === undefined || action === 'show';
  await self.registration.showNotification(PUSH_TITLE, {
    body: isShown && typeof text === 'string' ? text : '',
    dir: 'auto',
    icon: '/icons/icon-192.png',
    tag: typeof group === 'string' ? group : NOTICE_LIST,
    silent: !isShown,
    data: { url: pagePath(url), notice: typeof notice === 'string' ? notice : null },
  });
  await setBadge(Number(badge));
}

/** Writes the number of new notices on the icon of the installed page, where there is such a thing. */
async function setBadge(count) {
  if (Number.isInteger(count) && count >= 0) await self.navigator?.setAppBadge?.(count).catch(() => undefined);
}

/** The path of a page of this site; that of the list for everything else. */
function pagePath(url) {
  try {
    const { origin, pathname, search } = new URL(url, self.location.origin);
    return typeof url === 'string' && origin === self.location.origin && !SERVER_PATHS.test(pathname) ? pathname + search : NOTICE_LIST;
  } catch {
    return NOTICE_LIST;
  }
}

/** Shows a page in a window that is open, without loading it anew, else in a new one. The page marks the notice as read. */
async function openPage({ url, notice = null }) {
  const path = pagePath(url);
  const windows = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
  const open = windows.find(isPage);
  // A browser may refuse to bring a window to the front; it shows the page all the same.
  const page = open ? await open.focus().catch(() => open) : await self.clients.openWindow(path);
  page?.postMessage({ kind: 'notice-opened', url: path, notice });
}

/** Whether a window has the members' page: no frame in another site, and nothing that the server shows itself. */
function isPage({ url, frameType }) {
  const { pathname } = new URL(url);
  return frameType !== 'nested' && !SERVER_PATHS.test(pathname) && !pathname.startsWith('/embed/');
}
