/* Keeps one thing for bad days: a page that says that the network is gone. Everything else comes
   from the network; the API, the sockets and films are never touched. */
const CACHE = 'parlor-offline-1';
const KEPT = ['/offline.html', '/offline.css', '/offline.js', '/icon.svg'];

addEventListener('install', (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll(KEPT))
      .then(() => skipWaiting()),
  );
});

addEventListener('activate', (event) => {
  const old = (names) => names.filter((name) => name.startsWith('parlor-') && name !== CACHE);
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(old(names).map((name) => caches.delete(name))))
      .then(() => clients.claim()),
  );
});

addEventListener('fetch', (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  const own = request.method === 'GET' && origin === location.origin;
  if (own && request.mode === 'navigate') {
    event.respondWith(fetch(request).catch(() => caches.match('/offline.html')));
  } else if (own && KEPT.includes(pathname)) {
    event.respondWith(fetch(request).catch(() => caches.match(request)));
  }
});
