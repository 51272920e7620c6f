// Owns the current route of the members' page. Does not own the URL: pageRouter.svelte.ts does.
import { matchRoute, visibleRoute, type Route } from '../routes';
import { session } from '../session/session.svelte';
import { PageRouter } from './pageRouter.svelte';
import { loadPage } from './pages';

class Router extends PageRouter {
  readonly route: Route = $derived(matchRoute(this.path));
}

export const router = new Router((path) => loadPage(visibleRoute(matchRoute(path).name, session.account !== null)));
