// Owns the route table of the operators' console: which page each path shows, its title, and the operation that the reader
// must be allowed to use. Does not own how pages are shown: layout/PageOutlet.svelte does.
// Invariant: a page is shown only to a reader whose roles allow its operation.
import type { Component } from 'svelte';
import m from '#messages/console';
import layout from '#messages/layout';
import { pageLoader } from '../router/pageLoader';
import { matchPatterns } from '../router/match';
import { isOperators, may, type Operation } from './access';

export type RouteName =
  | 'members' | 'member' | 'media' | 'media-item' | 'moderation' | 'case' | 'known-pictures' | 'reports' | 'report' | 'mails' | 'mail' | 'processes' | 'logs' | 'jobs' | 'job-runs' | 'dead-letters' | 'flags' | 'configuration' | 'webhooks' | 'webhook' | 'announcements'
  | 'api-keys' | 'audit' | 'sign-in' | 'refused' | 'no-access' | 'not-found';

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
  media: { pattern: '/media', title: inConsole(m.media), load: () => import('./media/MediaPage.svelte'), operation: 'list_media_of_member' },
  'media-item': { pattern: '/media/:id', title: null, load: () => import('./media/MediaItemPage.svelte'), operation: 'show_media_to_operator' },
  moderation: { pattern: '/moderation', title: inConsole(m.moderation), load: () => import('./moderation/QueuePage.svelte'), operation: 'list_moderation_queue' },
  case: { pattern: '/moderation/:id', title: null, load: () => import('./moderation/CasePage.svelte'), operation: 'show_moderation_case' },
  'known-pictures': { pattern: '/known-pictures', title: inConsole(m.knownPictures), load: () => import('./knownPictures/KnownPicturesPage.svelte'), operation: 'list_listed_pictures' },
  reports: { pattern: '/reports', title: inConsole(m.reports), load: () => import('./reports/ReportsPage.svelte'), operation: 'list_reports' },
  report: { pattern: '/reports/:id', title: null, load: () => import('./reports/ReportPage.svelte'), operation: 'show_report' },
  mails: { pattern: '/mails', title: inConsole(m.mails), load: () => import('./mails/MailsPage.svelte'), operation: 'list_mails' },
  mail: { pattern: '/mails/content', title: null, load: () => import('./mails/MailPage.svelte'), operation: 'show_mail' },
  processes: { pattern: '/processes', title: inConsole(m.processes), load: () => import('./processes/ProcessesPage.svelte'), operation: 'list_processes' },
  logs: { pattern: '/logs', title: inConsole(m.logs), load: () => import('./logs/LogsPage.svelte'), operation: 'list_logs' },
  jobs: { pattern: '/jobs', title: inConsole(m.jobs), load: () => import('./jobs/JobsPage.svelte'), operation: 'list_jobs' },
  'job-runs': { pattern: '/jobs/runs', title: inConsole(m.jobHistory), load: () => import('./jobs/JobRunsPage.svelte'), operation: 'list_job_runs' },
  'dead-letters': { pattern: '/dead-letters', title: inConsole(m.deadLetters), load: () => import('./deadLetters/DeadLettersPage.svelte'), operation: 'list_dead_letters' },
  flags: { pattern: '/flags', title: inConsole(m.flags), load: () => import('./flags/FlagsPage.svelte'), operation: 'list_flags' },
  configuration: { pattern: '/configuration', title: inConsole(m.configuration), load: () => import('./configuration/ConfigurationPage.svelte'), operation: 'list_configuration' },
  webhooks: { pattern: '/webhooks', title: inConsole(m.webhooks), load: () => import('./webhooks/WebhooksPage.svelte'), operation: 'list_webhooks' },
  webhook: { pattern: '/webhooks/:id', title: null, load: () => import('./webhooks/WebhookPage.svelte'), operation: 'show_webhook' },
  announcements: { pattern: '/announcements', title: inConsole(m.announcements), load: () => import('./announcements/AnnouncementsPage.svelte'), operation: 'list_announcements' },
  'api-keys': { pattern: '/api-keys', title: inConsole(m.apiKeys), load: () => import('./apiKeys/ApiKeysPage.svelte'), operation: 'list_team_keys' },
  audit: { pattern: '/audit', title: inConsole(m.audit), load: () => import('./audit/AuditPage.svelte'), operation: 'list_audit' },
  'sign-in': { pattern: '/sign-in', title: inConsole(m.signIn), load: () => import('./session/SignInPage.svelte') },
  refused: { pattern: null, title: null, load: () => import('./session/RefusedPage.svelte') },
  'no-access': { pattern: null, title: inConsole(m.noAccessTitle), load: () => import('./session/NoAccessPage.svelte') },
  'not-found': { pattern: null, title: inConsole(layout.notFoundTitle), load: () => import('./layout/NotFoundPage.svelte') },
};

/** The pages of the navigation, in their order. */
export const NAVIGATION = [
  'members', 'media', 'moderation', 'known-pictures', 'reports', 'mails', 'processes', 'logs', 'jobs', 'dead-letters', 'flags', 'configuration', 'webhooks', 'announcements', 'api-keys', 'audit',
] as const satisfies RouteName[];
export type NavigationName = (typeof NAVIGATION)[number];
/** The page of the navigation that a page below it belongs to. */
const PARENTS: Partial<Record<RouteName, RouteName>> = { member: 'members', 'media-item': 'media', case: 'moderation', report: 'reports', mail: 'mails', 'job-runs': 'jobs', webhook: 'webhooks' };
export const navigationOf = (name: RouteName): RouteName => PARENTS[name] ?? name;

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
export const openPages = (roles: readonly string[]): NavigationName[] => NAVIGATION.filter((name) => visibleRoute(name, roles, false) === name);
