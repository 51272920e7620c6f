// Proves how the runs of jobs are grouped and judged.
import { expect, it } from 'vitest';
import type { JobRun } from '../api/types';
import { jobsOf, runState } from './runs';

const NOW = Date.parse('2026-05-17T09:30:00Z');
const run = (job: string, slot: string, change: Partial<JobRun> = {}): JobRun => ({
  job, slot: `2026-05-17T${slot}:00Z`, lease_until: `2026-05-17T${slot}:30Z`, finished_at: `2026-05-17T${slot}:01Z`, failure: null, ...change,
});

it('a run is judged by its failure, its end and its lease', () => {
  expect(runState(run('a', '09:00'), NOW)).toBe('succeeded');
  expect(runState(run('a', '09:00', { failure: 'disk full' }), NOW)).toBe('failed');
  expect(runState(run('a', '09:30', { finished_at: null }), NOW)).toBe('running');
  expect(runState(run('a', '09:00', { finished_at: null }), NOW)).toBe('abandoned');
});

it('jobs that are not well come first, and runs newest first', () => {
  const runs = [run('b', '09:00'), run('a', '08:00', { failure: 'x' }), run('a', '09:00'), run('c', '08:00'), run('c', '09:00', { failure: 'disk full' })];
  const jobs = jobsOf(runs, NOW);
  expect(jobs.map(({ name }) => name)).toEqual(['c', 'a', 'b']);
  expect(jobs.map(({ runs: own }) => own.map(({ slot }) => slot.slice(11, 16)))).toEqual([['09:00', '08:00'], ['09:00', '08:00'], ['09:00']]);
  expect(jobsOf([], NOW)).toEqual([]);
});
