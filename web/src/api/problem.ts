// Owns how the server's refusals (RFC 9457 problems) become something to show.
// Invariant: whatever was thrown, `errorMessage` gives one sentence that a person can read.

/** A refusal of the server. `status` is 0 where no answer came at all. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly requestId: string | null = null,
  ) {
    super(detail);
    this.name = 'Problem';
  }
}

const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

/** Reads a problem from an answer's parsed body; what is no problem gets a sentence of our own. */
export function problemFrom(status: number, body: unknown): Problem {
  const fields = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  const requestId = text(fields['request_id']);
  const detail = text(fields['detail']) ?? text(fields['title']) ?? statusMessage(status);
  const shown = status >= 500 && requestId ? `${detail} (request ${requestId})` : detail;
  return new Problem(status, text(fields['code']) ?? `http.${status}`, shown, requestId);
}

/** Reads a problem from a body that is still text, as tus-js-client hands it over. */
export function problemFromText(status: number, body: string): Problem {
  try {
    return problemFrom(status, JSON.parse(body));
  } catch {
    return problemFrom(status, null);
  }
}

export const unreachable = (): Problem =>
  new Problem(0, 'net.unreachable', 'Tutti can’t be reached. Check the connection, then try again.');

export function errorMessage(error: unknown): string {
  if (error instanceof Problem) return error.detail;
  if (error instanceof TypeError) return unreachable().detail;
  if (error instanceof Error && error.message) return error.message;
  return 'Something went wrong here. Reload the page and try again.';
}

function statusMessage(status: number): string {
  if (status === 404) return 'There is nothing here, or it isn’t shared with you.';
  if (status === 413) return 'That is larger than this server takes.';
  if (status === 429) return 'That was a lot at once. Wait a moment, then try again.';
  if (status >= 500) return 'The server had a fault. Try again in a moment.';
  return `The server answered ${status}.`;
}
