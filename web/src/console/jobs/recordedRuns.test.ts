// Proves how the runs of a job's history are judged and measured.
import { expect, it } from 'vitest';
import type { RecordedRun } from '../api/types';
import { isRecordedWell, recordedStateName, secondsOf } from './recordedRuns';

const run = (change: Partial<RecordedRun>): RecordedRun => ({
  slot: '2026-05-17T09:00:00Z', state: 'done', attempts: 1, started_at: '2026-05-17T09:00:00.000Z', finished_at: '2026-05-17T09:00:01.234Z', error: null, process: null, requested_by: null, ...change,
});
const ofNewerServer = (state: string): RecordedRun => run({ state: state as RecordedRun['state'] });

it('an error is bad whatever the state says, and what is not known is neither', () => {
  const runs = [run({}), run({ error: 'disk full' }), run({ state: 'abandoned' }), run({ state: 'running', finished_at: null }), ofNewerServer('paused')];
  expect(runs.map(isRecordedWell)).toEqual([true, false, false, null, null]);
  expect([run({}), ofNewerServer('paused'), ofNewerServer('toString')].map(recordedStateName)).toEqual(['Succeeded', 'paused', 'toString']);
});

it('a run that has not ended has no duration', () => {
  expect([run({}), run({ finished_at: null }), run({ started_at: null }), run({ finished_at: '2026-05-17T08:00:00Z' })].map(secondsOf)).toEqual([1.23, null, null, null]);
});
