// Owns how the processes of the fleet are ordered and counted. Uses no browser API.
import type { FleetProcess } from '../api/types';

export type Health = 'unreachable' | 'not-ready' | 'ready';

/** Returns what names a process: its id, or the address where none responds. */
export const nameOf = ({ id, address }: FleetProcess): string => id ?? address;

export const healthOf = ({ unreachable, ready }: FleetProcess): Health => (unreachable ? 'unreachable' : ready ? 'ready' : 'not-ready');

const RANKS: Readonly<Record<Health, number>> = { unreachable: 0, 'not-ready': 1, ready: 2 };
const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Returns the processes that need attention first: unreachable ones, then those that are not ready, then by role. */
export const byHealth = (processes: readonly FleetProcess[]): FleetProcess[] =>
  [...processes].sort((a, b) => RANKS[healthOf(a)] - RANKS[healthOf(b)] || byText(a.roles.join(), b.roles.join()) || byText(nameOf(a), nameOf(b)));

export interface FleetSummary {
  count: number;
  unreachable: number;
  notReady: number;
  /** The versions that run, if there are several. */
  versions: string[];
}

export function summaryOf(processes: readonly FleetProcess[]): FleetSummary {
  const versions = [...new Set(processes.flatMap(({ version }) => version ?? []))].sort();
  const count = (health: Health): number => processes.filter((process) => healthOf(process) === health).length;
  return { count: processes.length, unreachable: count('unreachable'), notReady: count('not-ready'), versions: versions.length > 1 ? versions : [] };
}
