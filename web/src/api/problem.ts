// Owns how errors of the API (RFC 9457 problem details) become messages.
// Invariant: `errorMessage` returns a readable sentence for every value that can be thrown.
import m from '#messages/api';

/** An error response of the server. `status` is 0 if there was no response. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly requestId: string | null = null,
    /** All members of the body, also those that only this kind of problem has. */
    readonly members: Readonly<Record<string, unknown>> = {},
  ) {
    super(detail);
    this.name = 'Problem';
  }
}

const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

/** Returns the problem in a parsed response body; a body of another form gets a message by its status. */
export function problemFrom(status: number, body: unknown): Problem {
  const fields = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  const requestId = text(fields['request_id']);
  const detail = text(fields['detail']) ?? text(fields['title']) ?? statusMessage(status);
  const shown = status >= 500 && requestId ? m.withRequestId({ detail, requestId }) : detail;
  return new Problem(status, text(fields['code']) ?? `http.${status}`, shown, requestId, fields);
}

/** Whether the error is the problem with this code. */
export const isProblem = (error: unknown, code: string): error is Problem => error instanceof Problem && error.code === code;

/** Returns the problem in a body that is not parsed yet, as tus-js-client has it. */
export function problemFromText(status: number, body: string): Problem {
  try {
    return problemFrom(status, JSON.parse(body));
  } catch {
    return problemFrom(status, null);
  }
}

export const unreachable = (): Problem =>
  new Problem(0, 'net.unreachable', m.unreachable());

export function errorMessage(error: unknown): string {
  if (error instanceof Problem) return error.detail;
  if (error instanceof TypeError) return unreachable().detail;
  if (error instanceof Error && error.message) return error.message;
  return m.unexpected();
}

function statusMessage(status: number): string {
  if (status === 404) return m.notFound();
  if (status === 413) return m.tooLarge();
  if (status === 429) return m.tooManyRequests();
  if (status >= 500) return m.serverError();
  return m.otherStatus({ status });
}
