// Owns the current route of the operators' console. Does not own the URL: router/pageRouter.svelte.ts does.
import { PageRouter } from '../router/pageRouter.svelte';
import { reader } from './reader.svelte';
import { loadPage, matchRoute, visibleRoute, type Route, type RouteName } from './routes';

class Router extends PageRouter {
  readonly route: Route = $derived(matchRoute(this.path));
  /** What is shown to this reader in place of the route. */
  readonly visible: RouteName = $derived(visibleRoute(this.route.name, reader.roles, reader.isRefused));
}

export const router = new Router((path) => loadPage(visibleRoute(matchRoute(path).name, reader.roles, reader.isRefused)));
