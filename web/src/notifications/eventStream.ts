// Owns reading server-sent events (WHATWG HTML, section 9.2) from a response: an `EventSource` cannot send the access token.
// Does not own when a stream is opened again: follow.ts does. Invariant: an event is complete, and is returned once.

export interface ServerEvent {
  event: string;
  data: string;
  /** The id of the last event that had one. */
  id: string | null;
}

export class EventParser {
  /** How long the server wants a client to wait before it connects again. */
  retryMs: number | null = null;
  #rest = '';
  #name = '';
  #data: string[] = [];
  #id: string | null = null;

  /** Takes what has arrived. Returns the events that are complete with it. */
  push(text: string): ServerEvent[] {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    return lines.flatMap((line) => this.#line(line.replace(/\r$/, '')) ?? []);
  }

  #line(line: string): ServerEvent | null {
    if (line === '') return this.#dispatch();
    const [, field = '', value = ''] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    if (field === 'event') this.#name = value;
    else if (field === 'data') this.#data.push(value);
    else if (field === 'id') this.#id = value;
    else if (field === 'retry' && /^\d+$/.test(value)) this.retryMs = Number(value);
    return null;
  }

  #dispatch(): ServerEvent | null {
    const event = { event: this.#name || 'message', data: this.#data.join('\n'), id: this.#id };
    const isEmpty = this.#data.length === 0;
    this.#name = '';
    this.#data = [];
    return isEmpty ? null : event;
  }
}

/** The server sends a comment every 15 s: a connection that is silent for longer is dead, as after a change of network. */
const SILENT_MS = 40_000;

/** Reads the events of a body until it ends, or is silent for too long. */
export async function* readEvents(body: ReadableStream<Uint8Array>, parser: EventParser, silentMs = SILENT_MS): AsyncGenerator<ServerEvent> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    for (;;) {
      // What is read then is the end.
      timer = setTimeout(() => void reader.cancel().catch(() => undefined), silentMs);
      const { done, value } = await reader.read();
      clearTimeout(timer);
      if (done) return;
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    clearTimeout(timer);
    // Closes the connection when the reader of the events has had enough.
    await reader.cancel().catch(() => undefined);
  }
}
