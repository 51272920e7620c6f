// Owns how a hash of the list of known pictures is written, and which files can be a list. Uses no browser API.

/** The largest list in one request, in bytes, as the server has it. */
export const MAX_LIST_BYTES = 8 * 2 ** 20;

export const isTooLarge = ({ size }: { size: number }): boolean => size > MAX_LIST_BYTES;

/** How many digits of a hash tell it from others to a reader. */
const SHOWN_DIGITS = 8;

/** Returns the beginning and the end of a hash: all 64 digits are in the tooltip. */
export const shortHash = (hash: string): string => (hash.length <= 2 * SHOWN_DIGITS ? hash : `${hash.slice(0, SHOWN_DIGITS)}…${hash.slice(-SHOWN_DIGITS)}`);
