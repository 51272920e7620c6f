// Owns the operations of the fleet, one function each: its processes, their configuration and logs, jobs, and flags.
import { api, page, read } from './client';
import type { LogLine } from './types';

/** How many values of the configuration, and how many lines, a page has. */
const CONFIGURATION_LIMIT = 500;
const LOG_LIMIT = 200;

export interface LogsQuery {
  /** One that the server does not know is refused by it. */
  level?: string;
  process?: string;
  role?: string;
  contains?: string;
  /** The id of a request. */
  request?: string;
  /** Times, in UTC: the first that is included, and the first that is not. */
  since?: string;
  until?: string;
}

export const listProcesses = (after: string | null) => read(api.GET('/v1/admin/processes', { params: { query: page(after) } }));

/** `process`: of one process only. */
export const listConfiguration = (process: string | null, after: string | null) =>
  read(api.GET('/v1/admin/configuration', { params: { query: { ...(process === null ? {} : { process }), ...page(after, CONFIGURATION_LIMIT) } } }));

/** Newest first. */
export const listLogs = (query: LogsQuery, after: string | null) => read(api.GET('/v1/admin/logs', { params: { query: { ...(query as LogsQuery & { level?: LogLine['level'] }), ...page(after, LOG_LIMIT) } } }));

/** All of them: there are a few. */
export const listFlags = () => read(api.GET('/v1/admin/flags'));

export const setFlag = (name: string, on: boolean, reason: string) => read(api.PUT('/v1/admin/flags/{name}', { params: { path: { name } }, body: { on, reason } }));

export const listJobRuns = (service: string, job: string, after: string | null) =>
  read(api.GET('/v1/admin/jobs/{service}/{job}/runs', { params: { path: { service, job }, query: page(after) } }));

/** Asks for a run: one that waits already is the response. */
export const runJob = (service: string, job: string, reason: string) =>
  read(api.POST('/v1/admin/jobs/{service}/{job}/run', { params: { path: { service, job } }, body: { reason } }));

export const pauseJob = (service: string, job: string, reason: string) =>
  read(api.POST('/v1/admin/jobs/{service}/{job}/pause', { params: { path: { service, job } }, body: { reason } }));

export const resumeJob = (service: string, job: string, reason: string) =>
  read(api.POST('/v1/admin/jobs/{service}/{job}/resume', { params: { path: { service, job } }, body: { reason } }));
