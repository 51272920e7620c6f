// Proves which archive is offered, when it is no more, and that the page asks for its state less and less often.
import { expect, it } from 'vitest';
import type { DataExport } from '../api/types';
import { daysUntil, pollDelay, shownExports, stateOf } from './exportState';

const NOW = Date.parse('2026-05-17T12:00:00Z');
const archive = (state: DataExport['state'], expires: string | null = null): DataExport =>
  ({ id: state, state, created_at: '2026-05-17T09:00:00Z', ready_at: null, expires_at: expires, bytes: null, missing_count: null, url: null, error: null }) as DataExport;

it('an archive can be downloaded until it expires, also while another one is being built', () => {
  const ready = archive('ready', '2026-05-24T12:00:00Z');
  const building = archive('building');
  expect(shownExports([], NOW)).toEqual({ last: null, ready: null });
  expect(shownExports([ready, archive('expired')], NOW)).toEqual({ last: null, ready });
  expect(shownExports([building, ready], NOW)).toEqual({ last: building, ready });
  const over = archive('ready', '2026-05-17T12:00:00Z');
  expect(stateOf(over, NOW)).toBe('expired');
  expect(shownExports([over], NOW)).toEqual({ last: over, ready: null });
});

it('the state is read less and less often, and at least twice a minute', () => {
  expect([0, 1, 2].map(pollDelay)).toEqual([2000, 2800, 3920]);
  for (const reads of [12, 500, 1e6]) expect(pollDelay(reads)).toBe(30_000);
});

it('days are counted whole, down to none', () => {
  expect(['2026-05-24T12:00:00Z', '2026-05-18T11:59:59Z', '2026-05-17T13:00:00Z', '2026-05-01T00:00:00Z'].map((time) => daysUntil(time, NOW))).toEqual([7, 0, 0, 0]);
});
