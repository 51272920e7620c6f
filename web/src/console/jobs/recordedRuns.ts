// Owns how a run of a job's history is judged, and what it is called. Uses no browser API.
import m from '#messages/console';
import type { RecordedRun } from '../api/types';

const NAMES: Readonly<Record<RecordedRun['state'], () => string>> = { waiting: m.waiting, running: m.running, done: m.succeeded, failed: m.failed, abandoned: m.abandoned };

/** Returns what a state is called; of one that a newer server has, its own name. */
export const recordedStateName = ({ state }: RecordedRun): string => (Object.hasOwn(NAMES, state) ? NAMES[state]() : state);

/** Whether a run is good, bad, or neither. */
export const isRecordedWell = (run: RecordedRun): boolean | null => {
  if (run.error !== null || run.state === 'failed' || run.state === 'abandoned') return false;
  return run.state === 'done' ? true : null;
};

/** Returns how long a run took, in seconds with two digits; `null` if one of its times is not known. */
export function secondsOf({ started_at, finished_at }: Pick<RecordedRun, 'started_at' | 'finished_at'>): number | null {
  if (started_at === null || finished_at === null) return null;
  const milliseconds = Date.parse(finished_at) - Date.parse(started_at);
  return Number.isFinite(milliseconds) && milliseconds >= 0 ? Math.round(milliseconds / 10) / 100 : null;
}
