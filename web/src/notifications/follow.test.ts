// Proves that following goes on behind the last event, waits longer after each failure, and ends with its signal.
import { expect, it } from 'vitest';
import { Problem } from '../api/problem';
import type { ServerEvent } from './eventStream';
import { follow, type FollowDeps } from './follow';

/** A body with these events, in the form of the server. */
const bodyOf = (...ids: number[]): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      for (const id of ids) controller.enqueue(new TextEncoder().encode(`event: notice\ndata: ${id}\nid: ${id}\n\n`));
      controller.close();
    },
  });

/** Follows streams that open as `openings` say, and stops after the last one. */
async function followed(openings: (() => ReadableStream<Uint8Array>)[]): Promise<{ opened: (string | null)[]; received: string[]; waits: number[] }> {
  const stop = new AbortController();
  const opened: (string | null)[] = [];
  const received: ServerEvent[] = [];
  const waits: number[] = [];
  const deps: FollowDeps = {
    lastId: () => received.at(-1)?.id ?? null,
    open: async (lastId) => {
      opened.push(lastId);
      return openings[opened.length - 1]!();
    },
    receive: (event) => received.push(event),
    wait: async (milliseconds) => {
      waits.push(milliseconds);
      if (opened.length === openings.length) stop.abort();
    },
    random: () => 1,
  };
  await follow(deps, stop.signal);
  return { opened, received: received.map(({ event, data }) => (event === 'notice' ? data : event)), waits };
}

const away = (): never => {
  throw new Problem(503, 'server.unavailable', 'Away.');
};

it('goes on behind the last event, and later after each failure in a row', async () => {
  const { opened, received, waits } = await followed([() => bodyOf(1, 2), away, away, () => bodyOf(3), away]);
  expect(opened).toEqual([null, '2', '2', '2', '3']);
  expect(received).toEqual(['1', '2', '3']);
  expect(waits).toEqual([500, 1_000, 2_000, 500, 1_000]);
});

it('reads everything again when the server does not take the id', async () => {
  const refused = (): never => {
    throw new Problem(400, 'request.invalid', 'No such id.');
  };
  const { opened, received } = await followed([() => bodyOf(1), refused, () => bodyOf(7, 8)]);
  expect(opened).toEqual([null, '1', null]);
  expect(received).toEqual(['1', 'reset', '7', '8']);
});
