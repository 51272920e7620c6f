// Owns which archives with a member's data are shown, and when their state is read again. Uses no browser API, so it is
// tested alone.
import type { DataExport } from '../api/types';

const FIRST_POLL_MS = 2_000;
const MAX_POLL_MS = 30_000;
const DAY_MS = 86_400_000;

export interface ShownExports {
  /** What became of the last request, unless it is `ready`. */
  last: DataExport | null;
  /** The newest archive that can be downloaded. */
  ready: DataExport | null;
}

/** An archive whose time is over is expired, though the list was read before that. */
export const stateOf = (one: DataExport, now: number): DataExport['state'] => (one.state === 'ready' && one.expires_at && Date.parse(one.expires_at) <= now ? 'expired' : one.state);

/** `exports` are the newest first. */
export function shownExports(exports: readonly DataExport[], now: number): ShownExports {
  const ready = exports.find((one) => stateOf(one, now) === 'ready') ?? null;
  const [newest] = exports;
  return { last: newest && newest !== ready ? newest : null, ready };
}

/** Milliseconds until the state is read again: a small archive is ready soon, a large one takes its time. */
export const pollDelay = (reads: number): number => Math.min(MAX_POLL_MS, Math.round(FIRST_POLL_MS * 1.4 ** Math.min(reads, 32)));

/** Whole days until a time; 0 on its last day. */
export const daysUntil = (time: string, now: number): number => Math.max(0, Math.floor((Date.parse(time) - now) / DAY_MS));
