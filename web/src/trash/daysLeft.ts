// Owns how long an item stays in the trash, in whole days.

const DAY_MS = 86_400_000;

/** Returns the days until an item is removed for good, rounded up; at least 1 as long as it is there. */
export const daysLeft = (purgesAt: string, now: number = Date.now()): number => Math.max(1, Math.ceil((Date.parse(purgesAt) - now) / DAY_MS));
