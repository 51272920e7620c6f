// Owns the filters of the audit trail: how they stand in the URL, and which query they are. Days are those of the reader's
// time zone. Invariant: the URL of a search finds the same entries again; what is empty is left out.
import type { AuditQuery } from '../api/client';

export const FILTER_FIELDS = ['who', 'action', 'on', 'since', 'until'] as const;
export type AuditFilter = Record<(typeof FILTER_FIELDS)[number], string>;

export function filterFromUrl(query: URLSearchParams): AuditFilter {
  return Object.fromEntries(FILTER_FIELDS.map((name) => [name, query.get(name)?.trim() ?? ''])) as AuditFilter;
}

/** Returns the path of the page with these filters. */
export function filterPath(filter: Partial<AuditFilter>): string {
  const query = new URLSearchParams(FILTER_FIELDS.flatMap((name) => (filter[name]?.trim() ? [[name, filter[name].trim()]] : [])));
  return query.size > 0 ? `/audit?${query}` : '/audit';
}

/** Returns the query of the server. `until` is the last day that is included. */
export function auditQuery(filter: AuditFilter): AuditQuery {
  const [since, until] = [startOfDay(filter.since, 0), startOfDay(filter.until, 1)];
  return {
    ...(filter.who ? { who: filter.who.replace(/^@/, '') } : {}),
    ...(filter.action ? { action: filter.action } : {}),
    ...(filter.on ? { on: filter.on } : {}),
    ...(since ? { since } : {}),
    ...(until ? { until } : {}),
  };
}

/** Whether the days are in the wrong order. */
export const isReversed = ({ since, until }: AuditFilter): boolean => since !== '' && until !== '' && since > until;

/** Returns the start of a day (`2026-05-17`), some days later; `null` for what is no day. */
export function startOfDay(day: string, daysLater: number): string | null {
  const match = /^(\d{4})-(\d\d)-(\d\d)$/.exec(day);
  if (!match) return null;
  const [year, month, date] = match.slice(1).map(Number) as [number, number, number];
  const start = new Date(year, month - 1, date);
  // A 31st of June would be the 1st of July.
  if (start.getMonth() !== month - 1 || start.getDate() !== date) return null;
  start.setDate(date + daysLater);
  return start.toISOString();
}
