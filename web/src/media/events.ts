// Owns how news of items that are being worked on reaches the mediaStore: by server-sent events for the two that were
// asked for last, by asking now and then for the rest. Two, because a browser opens six connections to one
// server and uploads and playing need theirs.
// Invariant: an item that is settled, or that nobody follows any more, has no connection and no timer.
import { untrack } from 'svelte';
import * as calls from '../api/media';
import { settled, type Media } from '../api/types';
import { Problem } from '../api/problem';
import { mediaStore } from './mediaStore.svelte';

const STREAMS = 2;
const ASK_EVERY_MS = 4_000;
const ASK_AT_MOST = 6;

const followers = new Map<string, number>();
const streams = new Map<string, EventSource>();
let timer: ReturnType<typeof setTimeout> | null = null;

/** Keeps the mediaStore's view of an item up to date until the given function is called. */
export function follow(id: string): () => void {
  // Called in effects, which must not run again for every piece of news that the mediaStore gets.
  return untrack(() => begin(id));
}

function begin(id: string): () => void {
  const known = followers.get(id) ?? 0;
  // Last asked for goes last, and the last ones get the streams.
  followers.delete(id);
  followers.set(id, known + 1);
  arrange();
  let over = false;
  return () => {
    if (over) return;
    over = true;
    const left = (followers.get(id) ?? 1) - 1;
    if (left > 0) followers.set(id, left);
    else followers.delete(id);
    untrack(arrange);
  };
}

const open = (): string[] => [...followers.keys()].filter((id) => !isSettled(id));

function isSettled(id: string): boolean {
  const media = mediaStore.get(id);
  return media !== undefined && settled(media);
}

function arrange(): void {
  const wanted = open();
  const streamed = new Set(wanted.slice(-STREAMS));
  for (const [id, stream] of streams) {
    if (!streamed.has(id)) {
      stream.close();
      streams.delete(id);
    }
  }
  for (const id of streamed) if (!streams.has(id)) listen(id);
  if (wanted.length === 0 && timer) {
    clearTimeout(timer);
    timer = null;
  }
  if (wanted.length > 0) timer ??= setTimeout(() => void ask(), ASK_EVERY_MS);
}

function listen(id: string): void {
  const address = mediaStore.get(id)?.urls.events;
  if (!address) return;
  const stream = new EventSource(address);
  streams.set(id, stream);
  stream.addEventListener('state', (event: MessageEvent<string>) => void renew(JSON.parse(event.data) as Media));
  stream.addEventListener('progress', (event: MessageEvent<string>) => {
    mediaStore.progress(id, JSON.parse(event.data) as Media['progress']);
  });
  stream.addEventListener('error', () => {
    // A stream that is over or refused (its grant may have expired) is left to the asking, which brings a new address.
    if (stream.readyState === EventSource.CLOSED && streams.get(id) === stream) streams.delete(id);
  });
}

function learn(media: Media): void {
  mediaStore.put(media);
  if (settled(media)) arrange();
}

/** The stream is opened by its URL alone, so it tells that there is something new, not what only the owner may see: that is read by token. */
async function renew(news: Media): Promise<void> {
  if (news.updated_at === mediaStore.get(news.id)?.updated_at) return;
  try {
    learn(await calls.get(news.id));
  } catch (error) {
    if (error instanceof Problem && error.status === 404) forget(news.id);
    // Anything else is left to the asking.
    else lose(news.id);
  }
}

function lose(id: string): void {
  streams.get(id)?.close();
  streams.delete(id);
}

function forget(id: string): void {
  followers.delete(id);
  mediaStore.remove(id);
}

/** Asks for whatever has no stream; one that lost its stream gets a new one. */
async function ask(): Promise<void> {
  const silent = open().filter((id) => !streams.has(id));
  for (const id of silent.slice(0, ASK_AT_MOST)) {
    try {
      mediaStore.put(await calls.get(id));
    } catch (error) {
      if (error instanceof Problem && error.status === 404) forget(id);
    }
    // To the front of the queue: everybody has a turn.
    const count = followers.get(id);
    if (count !== undefined && silent.length > ASK_AT_MOST) {
      followers.delete(id);
      followers.set(id, count);
    }
  }
  timer = null;
  arrange();
}
