// Owns the operations of reports, one function each.
import { api, page, read } from './client';
import type { Report, ReportDecision } from './types';

export interface ReportQuery {
  /** One that the server does not know is refused by it; so is a kind. */
  state?: string;
  kind?: string;
}

type Known = { state?: Report['state']; kind?: Report['kind'] };

export const listReports = (query: ReportQuery, after: string | null) => read(api.GET('/v1/admin/reports', { params: { query: { ...(query as ReportQuery & Known), ...page(after) } } }));

export const showReport = (id: string) => read(api.GET('/v1/admin/reports/{id}', { params: { path: { id } } }));

/** Keeps or removes what was reported, and closes every open report of it. The author of what is removed reads the message. */
export const decideReport = (id: string, decision: ReportDecision, reason: string, message: string) =>
  read(api.POST('/v1/admin/reports/{id}/decision', { params: { path: { id } }, body: { decision, reason, message } }));
