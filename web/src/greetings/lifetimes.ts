// Owns for how long the link of a greeting can last. Uses no browser API, so it is tested alone.

const DAY_SECONDS = 86_400;

/** In days; the server allows a minute to 90 days. */
export const LIFETIME_DAYS = [1, 7, 30, 90] as const;
export const DEFAULT_DAYS = 7;

export const secondsOfDays = (days: number): number => days * DAY_SECONDS;

/** Whether a link has ended at a time, in milliseconds. */
export const hasEnded = (expiresAt: string, now: number): boolean => Date.parse(expiresAt) <= now;
