// Owns the lines of the logs that are shown while new ones come: which of a newer page are new. Uses no browser API.
// Invariant: newest first; a line that was there once is shown once; never more than MAX_LINES.
import type { LogLine } from '../api/types';

/** How many lines are kept. Older ones can be asked for again. */
export const MAX_LINES = 1_000;

export const LEVELS = ['error', 'warn', 'info'] as const;

export interface ShownLine extends LogLine {
  /** Different for each line, also where two are alike. */
  id: string;
}

/** Gives each line of a page an id. Lines have none, so alike ones are counted, the newest first. */
export function withIds(page: readonly LogLine[]): ShownLine[] {
  const counts = new Map<string, number>();
  return page.map((line) => {
    const content = JSON.stringify([line.at, line.process, line.level, line.target, line.message, line.fields]);
    const count = (counts.get(content) ?? 0) + 1;
    counts.set(content, count);
    return { ...line, id: `${count} ${content}` };
  });
}

export interface Merged {
  lines: ShownLine[];
  /** Whether nothing joins the two pages: lines between them are missing, so the old ones are dropped. */
  hasGap: boolean;
  /** Whether old lines were dropped because there are too many. What is older cannot be joined to the others any more. */
  isCut: boolean;
}

/** Puts the newest page before the lines that are shown. `isWhole`: there is nothing older than this page. */
export function mergeNewest(shown: readonly ShownLine[], newest: readonly ShownLine[], isWhole: boolean): Merged {
  const known = new Set(shown.map(({ id }) => id));
  const fresh = newest.filter(({ id }) => !known.has(id));
  const hasGap = shown.length > 0 && !isWhole && newest.length > 0 && fresh.length === newest.length;
  const lines = hasGap ? [...newest] : fresh.length === 0 ? [...shown] : [...fresh, ...shown].sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
  return { lines: lines.slice(0, MAX_LINES), hasGap, isCut: lines.length > MAX_LINES };
}

/** Whether a level is good, bad, or neither. */
export const isLevelWell = (level: string): boolean | null => (['error', 'warn'].includes(level.toLowerCase()) ? false : null);
