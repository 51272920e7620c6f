// Owns where each item was left, so that it continues there: a list in this browser, newest last, of one member.
// Invariant: at most MAX_POSITIONS entries, and none of a member who has signed out.
import { tryStorage } from '../ui/storage';
import { session } from '../session/session.svelte';

const KEY = 'tutti.resume';
export const MAX_POSITIONS = 50;
/** What was hardly begun starts at its beginning. */
const MIN_SECONDS = 5;
/** What was left this close to its end counts as finished. */
const END_SECONDS = 5;

export interface Positions {
  /** The id of the member, or `null` for a visitor. */
  member: string | null;
  items: [id: string, seconds: number][];
}

/** Returns the positions after an item was left at `seconds` of `duration`. */
export function withPosition(positions: Positions, id: string, seconds: number, duration: number): Positions {
  const others = positions.items.filter(([other]) => other !== id);
  const isWorthKeeping = seconds >= MIN_SECONDS && seconds < duration - END_SECONDS;
  const items = isWorthKeeping ? [...others, [id, Math.floor(seconds)] satisfies [string, number]] : others;
  return { ...positions, items: items.slice(-MAX_POSITIONS) };
}

/** Returns stored positions if they are the member's; none for anything else. */
export function parsePositions(text: string | null, member: string | null): Positions {
  try {
    const stored = JSON.parse(text ?? 'null') as Positions | null;
    if (stored?.member === member && Array.isArray(stored.items)) {
      const items = stored.items.filter(([id, seconds]) => typeof id === 'string' && Number.isFinite(seconds));
      return { member, items: items.slice(-MAX_POSITIONS) };
    }
  } catch {
    // Damaged: as if nothing were stored.
  }
  return { member, items: [] };
}

const read = (): Positions => parsePositions(tryStorage(() => localStorage.getItem(KEY)), session.account?.id ?? null);

export const resume = {
  /** Where to continue an item, in seconds; 0 for its beginning. */
  at: (id: string): number => read().items.find(([other]) => other === id)?.[1] ?? 0,

  save(id: string, seconds: number, duration: number): void {
    const positions = withPosition(read(), id, seconds, duration);
    if (positions.items.length === 0) tryStorage(() => localStorage.removeItem(KEY));
    else tryStorage(() => localStorage.setItem(KEY, JSON.stringify(positions)));
  },

  forget: (id: string): void => resume.save(id, 0, 0),
};

session.onChange(() => {
  if (read().items.length === 0) tryStorage(() => localStorage.removeItem(KEY));
});
