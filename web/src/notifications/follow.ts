// Owns following the live stream for as long as it is wanted: it is opened again when it ends, behind the last event that has
// arrived, later after each failure. Does not own what is done with an event. Invariant: at most one stream is open, and no
// event is received after the signal.
import { Problem } from '../api/problem';
import { retryDelay } from '../api/retrier';
import { EventParser, readEvents, type ServerEvent } from './eventStream';

export interface FollowDeps {
  /** Returns the id of the last event that was received, in this tab or another. */
  lastId(): string | null;
  /** Opens the stream behind an event; throws a Problem if it is refused. */
  open(lastId: string | null, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
  receive(event: ServerEvent): void;
  wait(milliseconds: number, signal: AbortSignal): Promise<void>;
  random(): number;
}

/** Follows until the signal. */
export async function follow(deps: FollowDeps, signal: AbortSignal): Promise<void> {
  let failures = 0;
  let hasForgotten = false;
  while (!signal.aborted) {
    const parser = new EventParser();
    try {
      const body = await deps.open(hasForgotten ? null : deps.lastId(), signal);
      for await (const event of readEvents(body, parser)) {
        if (signal.aborted) return;
        failures = 0;
        if (hasForgotten) deps.receive({ event: 'reset', data: '{}', id: event.id });
        hasForgotten = false;
        deps.receive(event);
      }
    } catch (error) {
      // The server does not take the id any more: what is shown is read again.
      hasForgotten ||= error instanceof Problem && error.status === 400;
    }
    if (signal.aborted) return;
    await deps.wait(parser.retryMs ?? retryDelay(failures, deps.random()), signal);
    failures += 1;
  }
}

/** Waits, or less if the signal comes. */
export const sleep = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  new Promise((done) => {
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        done();
      },
      { once: true },
    );
  });
