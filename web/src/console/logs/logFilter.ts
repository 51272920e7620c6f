// Owns the filters of the logs: which query of the server they are. Times are those of the reader's time zone. Uses no browser API.
// Invariant: what is no time is not sent.
import type { LogsQuery } from '../api/fleet';
import { withoutEmpty, type Filter } from '../filterUrl';

export const LOG_FIELDS = ['level', 'process', 'role', 'contains', 'request', 'since', 'until'] as const;
export type LogFilter = Filter<(typeof LOG_FIELDS)[number]>;

/** Returns the query of the server. */
export function logsQuery(filter: LogFilter): LogsQuery {
  const { since, until, ...texts } = withoutEmpty(filter);
  const [from, to] = [instant(since ?? ''), instant(until ?? '')];
  return { ...texts, ...(from === null ? {} : { since: from }), ...(to === null ? {} : { until: to }) };
}

/** Returns a local time (`2026-05-17T09:30`) as an instant; `null` for what is no time. */
export function instant(local: string): string | null {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?$/.test(local)) return null;
  const time = new Date(local);
  return Number.isNaN(time.getTime()) ? null : time.toISOString();
}

/** Whether the times are in the wrong order. */
export const isReversed = ({ since, until }: Pick<LogFilter, 'since' | 'until'>): boolean => since !== '' && until !== '' && since >= until;
