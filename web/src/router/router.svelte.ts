// Owns the current route: reads the URL, navigates with the browser's history, and handles clicks on links of this page.
// Invariant: the URL always names what is shown, so a reload and a copied link lead to the same page.
import { matchRoute, visibleRoute, type Route } from '../routes';
import { session } from '../session/session.svelte';
import { isPagePath } from './match';
import { loadPage } from './pages';

class Router {
  #url = $state.raw(new URL(location.href));
  readonly route: Route = $derived(matchRoute(this.#url.pathname));

  get path(): string {
    return this.#url.pathname;
  }
  get query(): URLSearchParams {
    return this.#url.searchParams;
  }

  start(): void {
    addEventListener('popstate', () => (this.#url = new URL(location.href)));
    document.addEventListener('click', (event) => this.#onClick(event));
    for (const type of ['pointerover', 'focusin']) document.addEventListener(type, prefetch, { passive: true });
  }

  go(to: string, options: { replace?: boolean } = {}): void {
    const url = new URL(to, location.href);
    // The page never navigates to another origin.
    if (url.origin !== location.origin) return;
    if (options.replace) history.replaceState(null, '', url);
    else history.pushState(null, '', url);
    const isSamePage = url.pathname === this.#url.pathname;
    this.#url = url;
    if (!isSamePage) scrollTo(0, 0);
  }

  #onClick(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = pageLink(event);
    if (!link || (link.hash && link.pathname === location.pathname)) return;
    event.preventDefault();
    this.go(link.href);
  }
}

/** Returns the link under an event, if it leads to a page of ours in this tab. */
function pageLink(event: Event): HTMLAnchorElement | null {
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return null;
  return isPagePath(link.pathname) ? link : null;
}

/** Loads the page of a link that has the pointer or the focus, so that it is there with the click. */
function prefetch(event: Event): void {
  const link = pageLink(event);
  if (link) loadPage(visibleRoute(matchRoute(link.pathname).name, session.account !== null)).catch(() => undefined);
}

export const router = new Router();
