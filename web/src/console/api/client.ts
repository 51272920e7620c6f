// Owns how the console calls the operators' interface: as the page calls its own, with the paths of that listener.
// Invariant: a refusal that concerns the whole session is told to `refusal`, so that the console explains it.
import createClient from 'openapi-fetch';
import { authorizedFetch, expectOk, readBody } from '../../api/client';
import { refusal } from '../refusal.svelte';
import type { paths } from './schema';
import type { AccountState } from './types';

export const api = createClient<paths>({ baseUrl: '', fetch: authorizedFetch });

type Call<T> = Promise<{ data?: T; error?: unknown; response: Response }>;

/** Returns the body of a response; throws a Problem if the status is not 2xx. */
export const read = <T>(call: Call<T>): Promise<NonNullable<T>> => refusal.watch(readBody(call));
/** Waits for a response whose body does not matter; throws a Problem if the status is not 2xx. */
export const done = (call: Call<unknown>): Promise<void> => refusal.watch(expectOk(call));

/** How many items a page of a list has. */
const LIMIT = 50;
/** The server returns no more dead letters at once. */
export const MAX_DEAD_LETTERS = 100;

/** Returns the part of a query that names a page. */
export const page = (after: string | null, limit = LIMIT): { limit: number; after?: string } => ({ limit, ...(after === null ? {} : { after }) });

export interface AccountsQuery {
  query?: string;
  state?: AccountState;
}

export interface AuditQuery {
  who?: string;
  action?: string;
  on?: string;
  since?: string;
  until?: string;
}

export const searchAccounts = (query: AccountsQuery, after: string | null) =>
  read(api.GET('/v1/admin/accounts', { params: { query: { ...query, ...page(after) } } }));

export const showAccount = (id: string) => read(api.GET('/v1/admin/accounts/{id}', { params: { path: { id } } }));

export const changeRoles = (id: string, change: { grant?: string[]; revoke?: string[] }, reason: string) =>
  read(api.POST('/v1/admin/accounts/{id}/roles', { params: { path: { id } }, body: { grant: [], revoke: [], ...change, reason } }));

export const listSanctions = (id: string, after: string | null) =>
  read(api.GET('/v1/admin/accounts/{id}/sanctions', { params: { path: { id }, query: page(after) } }));

export const suspendAccount = (id: string, state: 'limited' | 'suspended' | 'banned', reason: string, until: string | null) =>
  read(api.POST('/v1/admin/accounts/{id}/suspend', { params: { path: { id } }, body: { state, reason, ...(until === null ? {} : { until }) } }));

export const restoreAccount = (id: string, reason: string) => read(api.POST('/v1/admin/accounts/{id}/restore', { params: { path: { id } }, body: { reason } }));

export const listAudit = (query: AuditQuery, after: string | null) => read(api.GET('/v1/admin/audit', { params: { query: { ...query, ...page(after) } } }));

export const listJobs = () => read(api.GET('/v1/admin/jobs'));

export const listDeadLetters = () => read(api.GET('/v1/admin/dead-letters', { params: { query: { limit: MAX_DEAD_LETTERS } } }));

export const redeliverDeadLetter = (id: string, reason: string) =>
  done(api.POST('/v1/admin/dead-letters/{id}/redeliver', { params: { path: { id } }, body: { reason } }));
