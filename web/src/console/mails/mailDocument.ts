// Owns the document in which an operator sees the HTML of a mail. The frame around it has `sandbox=""`, so it runs no
// script, sends no form and opens nothing; its own policy loads nothing. Uses no browser API.
// Invariant: safety is that of the sandbox and the policy alone. What is removed here keeps the browser from reporting
// styles that the policy of the console refuses, and keeps a click from using up a member's link.

/** Loads nothing, not even pictures: a sender of pictures would learn that the mail was read. */
const POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'";

/** Returns the document for `srcdoc`. The meta element comes first, so that its policy holds for all that follows. */
export const mailDocument = (html: string): string => `<!doctype html><meta http-equiv="Content-Security-Policy" content="${POLICY}"><meta name="referrer" content="no-referrer">${inert(html)}`;

const inert = (html: string): string =>
  html
    .replace(/<style\b[^>]*>[^]*?<\/style\s*>/gi, '')
    .replace(/<[a-z][^>]*>/gi, (tag) => tag.replace(/\s+(?:style|href|src|srcset|background)\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>]+)/gi, ''));
