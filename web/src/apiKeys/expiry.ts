// Owns when a new API key ends. Uses no browser API, so it is tested alone.

/** Days after which a key ends; a day of the member's choice; never. */
export type Expiry = '30' | '90' | '365' | 'date' | 'never';

export const EXPIRIES: readonly Expiry[] = ['30', '90', '365', 'date', 'never'];
const DAY_MS = 86_400_000;

/** Returns the time at which a key ends; `undefined`: never; `null`: the day is none, or is over. A key is valid to the end of its day. */
export function expiryTime(expiry: Expiry, day: string, now: number): string | null | undefined {
  if (expiry === 'never') return undefined;
  if (expiry !== 'date') return new Date(now + Number(expiry) * DAY_MS).toISOString();
  const end = new Date(`${day}T23:59:59`).getTime();
  return Number.isFinite(end) && end > now ? new Date(end).toISOString() : null;
}

/** Whether a key has ended by itself. */
export const isOver = (expiresAt: string | null | undefined, now: number): boolean => Boolean(expiresAt) && Date.parse(expiresAt ?? '') <= now;
