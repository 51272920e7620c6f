// Owns how a value whose kind is not known is written.

/** Returns a text as it is, and all else as JSON. */
export const fieldText = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));
