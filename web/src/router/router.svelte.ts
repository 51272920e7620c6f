// Owns where the page is: reads the address, moves with the history, catches clicks on links of ours.
// Invariant: the address bar always names what is shown, so a reload and a copied link lead to the same place.
import { isPagePath, match, type Route } from './routes';

class Router {
  #url = $state.raw(new URL(location.href));
  readonly route: Route = $derived(match(this.#url.pathname));
  /** Steps of this visit; above 0 there is something of ours to go back to. */
  depth = $state(0);

  get path(): string {
    return this.#url.pathname;
  }
  get query(): URLSearchParams {
    return this.#url.searchParams;
  }

  start(): void {
    addEventListener('popstate', () => (this.#url = new URL(location.href)));
    document.addEventListener('click', (event) => this.#onClick(event));
  }

  go(to: string, options: { replace?: boolean } = {}): void {
    const url = new URL(to, location.href);
    // Other origins are never ours to go to.
    if (url.origin !== location.origin) return;
    if (options.replace) history.replaceState(null, '', url);
    else {
      history.pushState(null, '', url);
      this.depth += 1;
    }
    const isSamePage = url.pathname === this.#url.pathname;
    this.#url = url;
    if (!isSamePage) scrollTo(0, 0);
  }

  #onClick(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
    if (link.hash && link.pathname === location.pathname) return;
    if (!isPagePath(link.pathname)) return;
    event.preventDefault();
    this.go(link.href);
  }
}

export const router = new Router();
