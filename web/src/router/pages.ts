// Owns which page components are loaded. Invariant: a failed load is not kept, so the next visit tries again.
import type { Component } from 'svelte';
import { ROUTES, type RouteName } from '../routes';

const pages = new Map<RouteName, Promise<Component>>();

/** Returns a route's page component, and fetches it if it is not loaded yet. */
export function loadPage(name: RouteName): Promise<Component> {
  let page = pages.get(name);
  if (!page) {
    page = ROUTES[name].load().then((module) => module.default);
    pages.set(name, page);
    page.catch(() => pages.delete(name));
  }
  return page;
}
