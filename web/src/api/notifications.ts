// Owns the notification operations of the API, one function each. Sentences are in the language that the page speaks.
import { language } from '../messages/language.svelte';
import { api, authorizedFetch, expectOk, readBody } from './client';
import { problemFromText } from './problem';
import type { Notice, NoticeCounts, NotificationPreferences } from './types';

export interface NoticesPage extends NoticeCounts {
  items: Notice[];
  next: string | null;
}

export interface NoticeFilter {
  unread?: boolean;
  filtered?: boolean;
}

export interface MutesPage {
  items: { subject: string }[];
  next?: string | null;
}

const inLanguage = (): Record<string, string> => ({ 'Accept-Language': language.tag });
const pageOf = (limit: number, after?: string) => ({ limit, ...(after ? { after } : {}) });

export const list = (filter: NoticeFilter, limit: number, after?: string): Promise<NoticesPage> =>
  readBody(api.GET('/v1/notifications', { params: { query: { ...filter, ...pageOf(limit, after) } }, headers: inLanguage() }));

/** Marks a notice and all older ones as seen in the list. */
export const markSeen = (until: string): Promise<NoticeCounts> => readBody(api.POST('/v1/notifications/seen', { body: { until } }));
export const markRead = (ids: string[]): Promise<NoticeCounts> => readBody(api.POST('/v1/notifications/read', { body: { ids } }));
/** Marks a notice and all older ones as read. */
export const markReadUntil = (until: string): Promise<NoticeCounts> => readBody(api.POST('/v1/notifications/read', { body: { until } }));
export const remove = (id: string): Promise<void> => expectOk(api.DELETE('/v1/notifications/{id}', { params: { path: { id } } }));

export const getPreferences = (): Promise<NotificationPreferences> => readBody(api.GET('/v1/notifications/preferences'));
export const putPreferences = (body: NotificationPreferences): Promise<NotificationPreferences> => readBody(api.PUT('/v1/notifications/preferences', { body }));

const of = (subject: string) => ({ params: { path: { subject } } });
/** Mutes a post or a thread: nothing more is told about it. */
export const mute = (subject: string): Promise<void> => expectOk(api.PUT('/v1/notifications/mutes/{subject}', of(subject)));
export const unmute = (subject: string): Promise<void> => expectOk(api.DELETE('/v1/notifications/mutes/{subject}', of(subject)));
export const listMutes = (limit: number, after?: string): Promise<MutesPage> => readBody(api.GET('/v1/notifications/mutes', { params: { query: pageOf(limit, after) } }));

/** Opens the live stream behind the event with this id. Throws a Problem if it is refused. */
export async function openStream(lastId: string | null, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
  const headers = { ...inLanguage(), Accept: 'text/event-stream', ...(lastId === null ? {} : { 'Last-Event-ID': lastId }) };
  const response = await authorizedFetch(new Request('/v1/notifications/stream', { headers, signal, cache: 'no-store' }));
  if (!response.ok || response.body === null) throw problemFromText(response.status, await response.text());
  return response.body;
}
