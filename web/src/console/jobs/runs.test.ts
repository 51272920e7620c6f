// Proves how the runs of jobs are grouped and judged.
import { expect, it } from 'vitest';
import type { JobRun, TimedJob } from '../api/types';
import { isWell, jobsOf, runState } from './runs';

const NOW = Date.parse('2026-05-17T09:30:00Z');
const run = (job: string, slot: string, change: Partial<JobRun> = {}): JobRun => ({
  job, slot: `2026-05-17T${slot}:00Z`, lease_until: `2026-05-17T${slot}:30Z`, finished_at: `2026-05-17T${slot}:01Z`, failure: null,
  started_at: `2026-05-17T${slot}:00Z`, process: 'server-1:4711', requested_by: null, ...change,
});
const timed = (job: string): TimedJob => ({
  job, every_seconds: 600, at: null, zone: null, catch_up: 'once', made_up_max: 1, jitter_seconds: 0, max_running: 1,
  next_slot: '2026-05-17T09:40:00Z', paused_at: null, paused_by: null, paused_reason: null, last_run: null,
});

it('a run is judged by its failure, its end and its lease', () => {
  expect(runState(run('a', '09:00'), NOW)).toBe('succeeded');
  expect(runState(run('a', '09:00', { failure: 'disk full' }), NOW)).toBe('failed');
  expect(runState(run('a', '09:30', { finished_at: null }), NOW)).toBe('running');
  expect(runState(run('a', '09:00', { finished_at: null }), NOW)).toBe('abandoned');
  const asked = run('a', '09:00', { finished_at: null, started_at: null, process: null, requested_by: 'ada' });
  expect(isWell(runState(asked, NOW))).toBeNull();
  expect(runState({ ...asked, started_at: '2026-05-17T09:00:02Z' }, NOW)).toBe('abandoned');
});

it('jobs that are not well come first, and runs newest first', () => {
  const runs = [run('b', '09:00'), run('a', '08:00', { failure: 'x' }), run('a', '09:00'), run('c', '08:00'), run('c', '09:00', { failure: 'disk full' })];
  const jobs = jobsOf({ jobs: ['a', 'b', 'never'].map(timed), runs }, NOW);
  expect(jobs.map(({ name }) => name)).toEqual(['c', 'a', 'b', 'never']);
  expect(jobs.map(({ runs: own }) => own.map(({ slot }) => slot.slice(11, 16)))).toEqual([['09:00', '08:00'], ['09:00', '08:00'], ['09:00'], []]);
  expect(jobs.map(({ timed: rule }) => rule?.job ?? null)).toEqual([null, 'a', 'b', 'never']);
  expect(jobsOf({ jobs: [], runs: [] }, NOW)).toEqual([]);
});
