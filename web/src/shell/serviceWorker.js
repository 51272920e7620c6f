// Owns the page without a server: the service worker keeps the page's own files of one build, so that the page opens and
// says that the server is away. `BUILD` is put before this file when the page is built (vite.config.ts).
// Invariant: nothing of a member is cached: only the files in BUILD are, and never a request under /v1.

/* global BUILD, self, caches */
const CACHE = `tutti-shell-${BUILD.version}`;
const DOCUMENT = '/index.html';

/** Paths of the server; everything else without a dot is a page. As in router/match.ts. */
const SERVER_PATHS = /^\/(v1|docs|oembed|internal|metrics|healthz|readyz|\.well-known)(\/|$)/;

self.addEventListener('install', (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      // `no-cache`: files without a hash in their name must be those of this build.
      .then((cache) => cache.addAll(BUILD.files.map((file) => new Request(file, { cache: 'no-cache' }))))
      .then(() => self.skipWaiting()),
  );
});

// A new build takes over at once: a page that is open has loaded its files already, and the next load is the new one.
self.addEventListener('activate', (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter((name) => name.startsWith('tutti-shell-') && name !== CACHE).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== self.location.origin || SERVER_PATHS.test(url.pathname)) return;
  if (request.mode === 'navigate') event.respondWith(documentFor(request));
  else if (BUILD.files.includes(url.pathname)) event.respondWith(fileFor(request, url.pathname));
});

/** The server's document, so that a new build is seen at once; while the server is away the kept one, with status 503. */
async function documentFor(request) {
  const response = await fetch(request).catch(() => null);
  if (response !== null && ![502, 503, 504].includes(response.status)) return response;
  const document = await kept(DOCUMENT);
  if (document) return new Response(document.body, { status: 503, headers: document.headers });
  return response ?? Response.error();
}

/** Names in /assets contain a hash of the content, so the kept file is the right one; of all others the server's is newer. */
async function fileFor(request, path) {
  if (path.startsWith('/assets/')) return (await kept(path)) ?? fetch(request);
  return fetch(request).catch(async () => (await kept(path)) ?? Response.error());
}

const kept = async (path) => (await caches.open(CACHE)).match(path);
