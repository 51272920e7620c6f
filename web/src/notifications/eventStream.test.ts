// Proves that events are read as the standard says, however the bytes are cut.
import { expect, it } from 'vitest';
import { EventParser, readEvents, type ServerEvent } from './eventStream';

const STREAM = 'event: counts\ndata: {"unread":1}\nid: 7\n\n: a comment\n\nretry: 30000\nevent: notice\r\ndata:{"text":"é: 1"}\r\n\r\ndata\ndata: b\nid: 8\n\nevent: cut off\ndata: x';
const EVENTS: ServerEvent[] = [
  { event: 'counts', data: '{"unread":1}', id: '7' },
  { event: 'notice', data: '{"text":"é: 1"}', id: '7' },
  { event: 'message', data: '\nb', id: '8' },
];

it('reads the events of a stream, whole or byte by byte, and none that is cut off', async () => {
  for (const size of [1, 2, 7, 1_000]) {
    const bytes = new TextEncoder().encode(STREAM);
    const parser = new EventParser();
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
        controller.close();
      },
    });
    const events: ServerEvent[] = [];
    for await (const event of readEvents(body, parser)) events.push(event);
    expect(events, `${size}`).toEqual(EVENTS);
    expect(parser.retryMs).toBe(30_000);
  }
});

it('takes a stream that is silent for its end', async () => {
  const body = new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(new TextEncoder().encode('data: 1\n\n')) });
  const events: ServerEvent[] = [];
  for await (const event of readEvents(body, new EventParser(), 1)) events.push(event);
  expect(events).toEqual([{ event: 'message', data: '1', id: null }]);
});
