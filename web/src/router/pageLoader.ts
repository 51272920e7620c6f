// Owns which page components are loaded. Invariant: a failed load is not kept, so the next visit tries again.
import type { Component } from 'svelte';

export type PageLoader<Name> = (name: Name) => Promise<Component>;

/** Returns the function that returns a route's page component, and fetches it if it is not loaded yet. */
export function pageLoader<Name extends string>(routes: Readonly<Record<Name, { load: () => Promise<{ default: Component<any> }> }>>): PageLoader<Name> {
  const pages = new Map<Name, Promise<Component>>();
  return (name) => {
    let page = pages.get(name);
    if (!page) {
      page = routes[name].load().then((module) => module.default);
      pages.set(name, page);
      page.catch(() => pages.delete(name));
    }
    return page;
  };
}
