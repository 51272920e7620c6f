// Owns how the rule of a timed job is said: when it runs, and what becomes of slots that were missed. Uses no browser API.
import m from '#messages/console';
import type { TimedJob } from '../api/types';

/** The units of an interval, the longest first. */
const UNITS: readonly [seconds: number, text: (values: { count: number }) => string][] = [
  [86_400, m.everyDays],
  [3_600, m.everyHours],
  [60, m.everyMinutes],
  [1, m.everySeconds],
];

/** Returns when a job runs. */
export function whenOf({ every_seconds, at, zone }: TimedJob): string {
  if (at !== null && zone !== null) return m.dailyAt({ time: at, zone });
  if (every_seconds === null) return m.unknownRule();
  for (const [seconds, text] of UNITS) if (every_seconds % seconds === 0) return text({ count: every_seconds / seconds });
  return m.everySeconds({ count: every_seconds });
}

/** Returns what becomes of missed slots; of a rule that a newer server has, its own name. */
export function catchUpOf({ catch_up, made_up_max }: TimedJob): string {
  if (catch_up === 'skip') return m.missedAreSkipped();
  if (catch_up === 'once') return m.newestIsMadeUpFor();
  return catch_up === 'all' ? m.allAreMadeUpFor({ count: made_up_max }) : catch_up;
}
