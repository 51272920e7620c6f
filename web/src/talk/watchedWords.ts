// Owns how the words that a member watches are written in a field: one word or phrase per line.

/** Returns the lines of a text that have something, each once. */
export const linesOf = (text: string): string[] => [...new Set(text.split('\n').map((line) => line.trim()).filter((line) => line !== ''))];
