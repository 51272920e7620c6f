// Proves how the rule of a timed job is said.
import { expect, it } from 'vitest';
import type { TimedJob } from '../api/types';
import { catchUpOf, whenOf } from './rules';

const job = (change: Partial<TimedJob>): TimedJob => ({
  job: 'media.sweep', every_seconds: 600, at: null, zone: null, catch_up: 'once', made_up_max: 1, jitter_seconds: 0, max_running: 1,
  next_slot: null, paused_at: null, paused_by: null, paused_reason: null, last_run: null, ...change,
});

it('an interval is said in its longest whole unit, a time of day with its zone', () => {
  const every = (seconds: number): string => whenOf(job({ every_seconds: seconds }));
  expect([1, 90, 60, 600, 3_600, 5_400, 86_400].map(every)).toEqual([
    'every second', 'every 90 seconds', 'every minute', 'every 10 minutes', 'every hour', 'every 90 minutes', 'every day',
  ]);
  expect(whenOf(job({ every_seconds: null, at: '03:30', zone: 'Europe/Berlin' }))).toBe('daily at 03:30, Europe/Berlin');
  expect(whenOf(job({ every_seconds: null }))).toBe('as a newer release says');
});

it('what becomes of missed slots is said, also as a newer server names it', () => {
  const said = [job({ catch_up: 'skip' }), job({}), job({ catch_up: 'all', made_up_max: 12 }), job({ catch_up: 'none 3' })].map(catchUpOf);
  expect(said).toEqual(['missed slots are left out', 'the newest missed slot is made up for', 'up to 12 missed slots are made up for', 'none 3']);
});
