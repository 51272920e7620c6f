// Owns how changes of items that are being converted reach the mediaStore: by server-sent events for the two latest
// subscriptions, by polling for the rest. Two, because a browser opens six connections to one server, and uploads
// and playback need theirs. Invariant: an item that is settled or has no subscriber has no connection and no timer.
import { untrack } from 'svelte';
import * as calls from '../api/media';
import { isSettled, type Media } from '../api/types';
import { Problem } from '../api/problem';
import { mediaStore } from './mediaStore.svelte';

const MAX_STREAMS = 2;
const POLL_INTERVAL_MS = 4_000;
const MAX_POLLED = 6;

const subscriberCounts = new Map<string, number>();
const streams = new Map<string, EventSource>();
let timer: ReturnType<typeof setTimeout> | null = null;

/** Keeps an item in the mediaStore up to date. Returns the function that ends the subscription. */
export function subscribe(id: string): () => void {
  // Called in effects, which must not run again at every change of the mediaStore.
  return untrack(() => addSubscriber(id));
}

function addSubscriber(id: string): () => void {
  const count = subscriberCounts.get(id) ?? 0;
  // The latest subscription goes last, and the last ones get the streams.
  subscriberCounts.delete(id);
  subscriberCounts.set(id, count + 1);
  updateConnections();
  let closed = false;
  return () => {
    if (closed) return;
    closed = true;
    const remaining = (subscriberCounts.get(id) ?? 1) - 1;
    if (remaining > 0) subscriberCounts.set(id, remaining);
    else subscriberCounts.delete(id);
    untrack(updateConnections);
  };
}

const unsettled = (): string[] => [...subscriberCounts.keys()].filter((id) => !isSettledById(id));

function isSettledById(id: string): boolean {
  const media = mediaStore.get(id);
  return media !== undefined && isSettled(media);
}

function updateConnections(): void {
  const wanted = unsettled();
  const streamed = new Set(wanted.slice(-MAX_STREAMS));
  for (const [id, stream] of streams) {
    if (!streamed.has(id)) {
      stream.close();
      streams.delete(id);
    }
  }
  for (const id of streamed) if (!streams.has(id)) openStream(id);
  if (wanted.length === 0 && timer) {
    clearTimeout(timer);
    timer = null;
  }
  if (wanted.length > 0) timer ??= setTimeout(() => void poll(), POLL_INTERVAL_MS);
}

function openStream(id: string): void {
  const url = mediaStore.get(id)?.urls.events;
  if (!url) return;
  const stream = new EventSource(url);
  streams.set(id, stream);
  stream.addEventListener('state', (event: MessageEvent<string>) => void refresh(JSON.parse(event.data) as Media));
  stream.addEventListener('progress', (event: MessageEvent<string>) => {
    mediaStore.progress(id, JSON.parse(event.data) as Media['progress']);
  });
  stream.addEventListener('error', () => {
    // Polling takes over from a stream that ended or was refused (its URL may have expired), and brings a new URL.
    if (stream.readyState === EventSource.CLOSED && streams.get(id) === stream) streams.delete(id);
  });
}

function store(media: Media): void {
  mediaStore.put(media);
  if (isSettled(media)) updateConnections();
}

/** Fetches the item with the member's token: an event contains only what every holder of the stream's URL may see. */
async function refresh(event: Media): Promise<void> {
  if (event.updated_at === mediaStore.get(event.id)?.updated_at) return;
  try {
    store(await calls.get(event.id));
  } catch (error) {
    if (error instanceof Problem && error.status === 404) removeItem(event.id);
    // Polling tries again after any other error.
    else closeStream(event.id);
  }
}

function closeStream(id: string): void {
  streams.get(id)?.close();
  streams.delete(id);
}

function removeItem(id: string): void {
  subscriberCounts.delete(id);
  mediaStore.remove(id);
}

/** Fetches the items without a stream; an item that lost its stream gets a new one. */
async function poll(): Promise<void> {
  const unstreamed = unsettled().filter((id) => !streams.has(id));
  for (const id of unstreamed.slice(0, MAX_POLLED)) {
    try {
      mediaStore.put(await calls.get(id));
    } catch (error) {
      if (error instanceof Problem && error.status === 404) removeItem(id);
    }
    // Moved to the end, so that each item is polled in turn.
    const count = subscriberCounts.get(id);
    if (count !== undefined && unstreamed.length > MAX_POLLED) {
      subscriberCounts.delete(id);
      subscriberCounts.set(id, count);
    }
  }
  timer = null;
  updateConnections();
}
