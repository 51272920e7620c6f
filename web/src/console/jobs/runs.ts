// Owns how the runs of timed jobs are grouped, and what each run's times say. Uses no browser API.
import type { JobRun, RoleJobs, TimedJob } from '../api/types';

export type RunState = 'waiting' | 'running' | 'succeeded' | 'failed' | 'abandoned';

export interface Job {
  name: string;
  /** `null` if only a process of an earlier release has it. */
  timed: TimedJob | null;
  /** Newest first. */
  runs: JobRun[];
}

/** Returns the jobs of a role by name, those that failed last time first. */
export function jobsOf({ jobs, runs }: Pick<RoleJobs, 'jobs' | 'runs'>, now: number): Job[] {
  const byName = new Map<string, Job>(jobs.map((timed) => [timed.job, { name: timed.job, timed, runs: [] }]));
  for (const run of runs) {
    const job = byName.get(run.job) ?? { name: run.job, timed: null, runs: [] };
    job.runs.push(run);
    byName.set(run.job, job);
  }
  const all = [...byName.values()];
  for (const job of all) job.runs.sort((a, b) => Date.parse(b.slot) - Date.parse(a.slot));
  const rank = (job: Job): number => {
    const last = job.runs.at(0);
    return last !== undefined && isWell(runState(last, now)) === false ? 0 : 1;
  };
  return all.sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
}

/** A run that is neither finished nor leased belongs to a process that died; another one takes it over. */
export function runState(run: JobRun, now: number): RunState {
  if (run.failure !== null) return 'failed';
  if (run.finished_at !== null) return 'succeeded';
  if (run.requested_by !== null && run.started_at === null) return 'waiting';
  return Date.parse(run.lease_until) > now ? 'running' : 'abandoned';
}

/** Whether a state is good, bad, or neither. */
export const isWell = (state: RunState): boolean | null => (state === 'waiting' ? null : state === 'running' || state === 'succeeded');
