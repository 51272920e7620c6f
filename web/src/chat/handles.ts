// Owns how handles that a member types are read. Uses no browser API, so it is tested alone.

/** Returns the handles in a text, without the sign before them, each once. They are apart by spaces, commas or lines. */
export const handlesOf = (text: string): string[] => [...new Set(text.split(/[\s,;،]+/).map((word) => word.replace(/^@/, '').toLowerCase()).filter((word) => word !== ''))];
