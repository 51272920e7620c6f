// Owns how errors of the API (RFC 9457 problem details) become messages. The server's sentences are English; other languages
// have their own sentence for each code (messages/*/problems.json), and the server's where they have none.
// Invariant: `errorMessage` returns a readable sentence for every value that can be thrown.
import m from '#messages/api';
import { optionalText } from '../messages/language.svelte';

/** An error response of the server. `status` is 0 if there was no response; `detail` is the server's sentence. */
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
  return new Problem(status, text(fields['code']) ?? `http.${status}`, detail, requestId, fields);
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

/** Returns the sentence for a code in the language of the page: of a problem, or of a conversion that failed. */
export const sentenceFor = ({ code, detail }: { code: string; detail: string }): string => optionalText('problems', code, { detail }) ?? detail;

export function errorMessage(error: unknown): string {
  if (error instanceof Problem) {
    const detail = sentenceFor(error);
    // A 503 is no fault to report: the server is busy, or its operators have switched something off.
    return error.status >= 500 && error.status !== 503 && error.requestId ? m.withRequestId({ detail, requestId: error.requestId }) : detail;
  }
  if (error instanceof TypeError) return unreachable().detail;
  if (error instanceof Error && error.message) return error.message;
  return m.unexpected();
}

function statusMessage(status: number): string {
  if (status === 404) return m.notFound();
  if (status === 413) return m.tooLarge();
  if (status === 429) return m.tooManyRequests();
  if (status >= 500) return m.serverError();
  return m.otherStatus({ status: String(status) });
}
