// Owns how a sanction of the history stands, and the ends that can be chosen. Uses no browser API.
import type { AccountState, Sanction } from '../api/types';

export type SanctionState = Exclude<AccountState, 'active'>;

/** How a sanction of the history stands. */
export function phase(sanction: Sanction, now: number): 'in-force' | 'ended' | 'lifted' {
  if (sanction.lifted_by !== null) return 'lifted';
  const isOver = sanction.lifted_at !== null || (sanction.until !== null && Date.parse(sanction.until) <= now);
  return isOver ? 'ended' : 'in-force';
}

/** Returns the time of a local date and time (`2026-05-17T09:30`) in UTC; `null` for none. */
export function endFrom(local: string): string | null {
  const time = new Date(local);
  return local === '' || Number.isNaN(time.getTime()) ? null : time.toISOString();
}

/** Returns the local date and time some days from now, as a field has it. */
export function localIn(days: number, now: number): string {
  const time = new Date(now + days * 86_400_000);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}T${two(time.getHours())}:${two(time.getMinutes())}`;
}
