// Owns starting the service worker, and whether this load came from it. Does not own what it does: serviceWorker.js does.

/** Starts it after the page has loaded, so that it takes nothing from the first load. Only builds have one. */
export function registerServiceWorker(): void {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return;
  // A failure leaves the page as it is without a service worker.
  addEventListener('load', () => void navigator.serviceWorker.register('/sw.js', { updateViaCache: 'none' }).catch(() => undefined));
}

/** Whether the document is the one that the service worker kept, because the server was away. */
export function isKeptDocument(): boolean {
  const [navigation] = performance.getEntriesByType('navigation') as (PerformanceNavigationTiming & { responseStatus?: number })[];
  return navigation?.responseStatus === 503;
}
