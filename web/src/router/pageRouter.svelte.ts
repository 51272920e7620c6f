// Owns the URL of a page: reads it, navigates with the browser's history, and handles clicks on links of the page.
// Does not own which routes there are: router.svelte.ts and console/router.svelte.ts do.
// Invariant: the URL always names what is shown, so a reload and a copied link lead to the same page.
import { isPagePath } from './match';

export class PageRouter {
  #url = $state.raw(new URL(location.href));

  /** `prefetch` loads the page of a path. */
  constructor(private readonly prefetch: (path: string) => Promise<unknown>) {}

  get path(): string {
    return this.#url.pathname;
  }
  get query(): URLSearchParams {
    return this.#url.searchParams;
  }

  start(): void {
    addEventListener('popstate', () => (this.#url = new URL(location.href)));
    document.addEventListener('click', (event) => this.#onClick(event));
    for (const type of ['pointerover', 'focusin']) document.addEventListener(type, (event) => this.#onApproach(event), { passive: true });
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

  /** Loads the page of a link that has the pointer or the focus, so that it is there with the click. */
  #onApproach(event: Event): void {
    const link = pageLink(event);
    if (link) void this.prefetch(link.pathname).catch(() => undefined);
  }
}

/** Returns the link under an event, if it leads to a page of ours in this tab. */
function pageLink(event: Event): HTMLAnchorElement | null {
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return null;
  return isPagePath(link.pathname) ? link : null;
}
