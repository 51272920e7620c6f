// Owns how the links of a profile are written in a form and shown on a page.

/** Returns the links of a text that has one per line. */
export const linksOf = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

/** Returns what a page shows of a link: everything but `https://`, so that its domain is seen first. */
export const shownLink = (url: string): string => url.replace(/^https:\/\//, '').replace(/\/$/, '');
