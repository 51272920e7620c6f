// Owns how the runs of timed jobs are grouped, and what each run's times say. Uses no browser API.
import type { JobRun } from '../api/types';

export type RunState = 'running' | 'succeeded' | 'failed' | 'abandoned';

export interface Job {
  name: string;
  /** Newest first. */
  runs: [JobRun, ...JobRun[]];
}

/** Returns the jobs of a role by name, those that failed last time first. */
export function jobsOf(runs: readonly JobRun[], now: number): Job[] {
  const byName = new Map<string, JobRun[]>();
  for (const run of runs) byName.set(run.job, [...(byName.get(run.job) ?? []), run]);
  const jobs = [...byName].map(([name, own]) => ({ name, runs: own.sort((a, b) => Date.parse(b.slot) - Date.parse(a.slot)) as Job['runs'] }));
  const rank = (job: Job): number => (isWell(runState(job.runs[0], now)) ? 1 : 0);
  return jobs.sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
}

/** A run that is neither finished nor leased belongs to a process that died; another one takes it over. */
export function runState(run: JobRun, now: number): RunState {
  if (run.failure !== null) return 'failed';
  if (run.finished_at !== null) return 'succeeded';
  return Date.parse(run.lease_until) > now ? 'running' : 'abandoned';
}

export const isWell = (state: RunState): boolean => state === 'running' || state === 'succeeded';
