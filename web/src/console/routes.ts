// Owns the route table of the operators' console: which page each path shows, its title, and the operation that the reader
// must be allowed to use. Does not own how pages are shown: layout/PageOutlet.svelte does.
// Invariant: a page is shown only to a reader whose roles allow its operation.
import type { Component } from 'svelte';
import m from '#messages/console';
import layout from '#messages/layout';
import { pageLoader } from '../router/pageLoader';
import { matchPatterns } from '../router/match';
import { isOperators, may, type Operation } from './access';

export type RouteName = 'members' | 'member' | 'audit' | 'jobs' | 'dead-letters' | 'sign-in' | 'refused' | 'no-access' | 'not-found';

interface RouteDefinition {
  /** `:name` matches one segment and becomes a prop of the page. `null`: shown only in place of another route. */
  pattern: string | null;
  /** `null`: the page sets the title from the data that it fetches. */
  title: (() => string) | null;
  load: () => Promise<{ default: Component<any> }>;
  /** Without it, the page shows nothing of the server. */
  operation?: Operation;
}

export interface Route {
  name: RouteName;
  params: Record<string, string>;
}

const inConsole = (title: () => string) => (): string => m.inConsole({ title: title() });

export const ROUTES: Readonly<Record<RouteName, RouteDefinition>> = {
  members: { pattern: '/', title: inConsole(m.members), load: () => import('./members/MembersPage.svelte'), operation: 'search_accounts' },
  member: { pattern: '/members/:id', title: null, load: () => import('./members/MemberPage.svelte'), operation: 'show_account_to_operator' },
  audit: { pattern: '/audit', title: inConsole(m.audit), load: () => import('./audit/AuditPage.svelte'), operation: 'list_audit' },
  jobs: { pattern: '/jobs', title: inConsole(m.jobs), load: () => import('./jobs/JobsPage.svelte'), operation: 'list_jobs' },
  'dead-letters': { pattern: '/dead-letters', title: inConsole(m.deadLetters), load: () => import('./deadLetters/DeadLettersPage.svelte'), operation: 'list_dead_letters' },
  'sign-in': { pattern: '/sign-in', title: inConsole(m.signIn), load: () => import('./session/SignInPage.svelte') },
  refused: { pattern: null, title: null, load: () => import('./session/RefusedPage.svelte') },
  'no-access': { pattern: null, title: inConsole(m.noAccessTitle), load: () => import('./session/NoAccessPage.svelte') },
  'not-found': { pattern: null, title: inConsole(layout.notFoundTitle), load: () => import('./layout/NotFoundPage.svelte') },
};

/** The pages of the navigation, in their order. */
export const NAVIGATION = ['members', 'audit', 'jobs', 'dead-letters'] as const satisfies RouteName[];

const PATTERNS = Object.entries(ROUTES).flatMap(([name, { pattern }]) => (pattern === null ? [] : [[pattern, name as RouteName] as const]));

export const loadPage = pageLoader(ROUTES);

/** Returns the route of a path, before it is known who reads it. */
export const matchRoute = (path: string): Route => matchPatterns(PATTERNS, path) ?? { name: 'not-found', params: {} };

/** Returns the route that is shown to a reader. `roles` is `null` for a visitor; `isRefused`: the server accepts no request of the session. */
export function visibleRoute(name: RouteName, roles: readonly string[] | null, isRefused: boolean): RouteName {
  if (roles === null) return 'sign-in';
  if (isRefused || !isOperators(roles)) return 'refused';
  if (name === 'sign-in') return 'members';
  const { operation } = ROUTES[name];
  return operation && !may(roles, operation) ? 'no-access' : name;
}

/** The pages of the navigation that a reader may open. */
export const openPages = (roles: readonly string[]): RouteName[] => NAVIGATION.filter((name) => visibleRoute(name, roles, false) === name);
