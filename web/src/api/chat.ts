// Owns the operations about conversations and messages, one function each. Does not own what is done with them (chat/).
import { api, authorizedFetch, expectOk, readBody } from './client';
import { problemFromText } from './problem';
import type { ReportReason } from './talk';
import type { ChatChanges, ChatMessage, ChatSettings, Conversation, SentMessage } from './types';

export type Box = 'inbox' | 'requests';

export interface ConversationsPage {
  items: Conversation[];
  next?: string | null;
}

export interface MessagesPage {
  items: ChatMessage[];
  next?: string | null;
}

export interface NewMessage {
  /** A message that is sent again under this id is stored once. */
  client_id: string;
  text: string;
  /** Ids of items of the member's own library. */
  media: string[];
  reply_to: string | null;
}

/** The longest text of a message, and of an appeal, in characters, as the server has it. */
export const MAX_TEXT = 4_000;
export const MAX_APPEAL = 1_000;
export const MAX_MEDIA = 10;
export const MAX_GROUP_NAME = 80;
/** The most others whom one request brings in. */
export const MAX_OTHERS = 49;
/** For so long after it was sent, a text can be changed. */
export const EDIT_MS = 15 * 60_000;

const of = (id: string) => ({ path: { id } });
const pageOf = (limit: number, after?: string) => ({ limit, ...(after ? { after } : {}) });

export const list = (box: Box, limit: number, after?: string): Promise<ConversationsPage> => readBody(api.GET('/v1/conversations', { params: { query: { box, ...pageOf(limit, after) } } }));

/** Begins a conversation. With one other and no name, it is the conversation of the two, the same one each time. */
export const create = (members: string[], name?: string): Promise<Conversation> => readBody(api.POST('/v1/conversations', { body: name ? { members, name } : { members } }));

export const get = (id: string): Promise<Conversation> => readBody(api.GET('/v1/conversations/{id}', { params: of(id) }));

/** Changes a group. `picture` is the id of a photo of the member's library, or empty for none. */
export const change = (id: string, body: { name?: string; picture?: string }): Promise<Conversation> => readBody(api.PATCH('/v1/conversations/{id}', { params: of(id), body }));

/** Deletes a conversation of two for the member, leaves a group, or declines a request. */
export const leave = (id: string): Promise<void> => expectOk(api.DELETE('/v1/conversations/{id}', { params: of(id) }));

export const accept = (id: string): Promise<Conversation> => readBody(api.POST('/v1/conversations/{id}/accept', { params: of(id) }));
export const decline = (id: string): Promise<void> => expectOk(api.POST('/v1/conversations/{id}/decline', { params: of(id) }));
export const markRead = (id: string, seq: number): Promise<void> => expectOk(api.POST('/v1/conversations/{id}/read', { params: of(id), body: { seq } }));
export const markDelivered = (id: string, seq: number): Promise<void> => expectOk(api.POST('/v1/conversations/{id}/delivered', { params: of(id), body: { seq } }));

/** Reports a message to the moderators, with a copy of what it is now. */
export const reportMessage = (id: string, body: { reason: ReportReason; text: string }): Promise<void> => expectOk(api.POST('/v1/messages/{id}/reports', { params: of(id), body }));

/** Tells the others that the member is typing, for a few seconds. */
export const showTyping = (id: string): Promise<void> => expectOk(api.POST('/v1/conversations/{id}/typing', { params: of(id) }));

/** The changes after a place; another `epoch` than the server's is a 410. */
export const listChanges = (id: string, after: number, epoch: number, limit: number): Promise<ChatChanges> =>
  readBody(api.GET('/v1/conversations/{id}/changes', { params: { ...of(id), query: { after: String(after), epoch: String(epoch), limit } } }));

/** The messages below a place, or the last ones, the newest first. */
export const listBefore = (id: string, limit: number, before?: string): Promise<MessagesPage> =>
  readBody(api.GET('/v1/conversations/{id}/messages', { params: { ...of(id), query: { limit, ...(before ? { before } : {}) } } }));

/** The messages above a place, the oldest first. */
export const listAfter = (id: string, limit: number, after: string): Promise<MessagesPage> =>
  readBody(api.GET('/v1/conversations/{id}/messages', { params: { ...of(id), query: { limit, after } } }));

export const send = (id: string, body: NewMessage): Promise<SentMessage> => readBody(api.POST('/v1/conversations/{id}/messages', { params: of(id), body }));

export const getMessage = (id: string): Promise<ChatMessage> => readBody(api.GET('/v1/messages/{id}', { params: of(id) }));
export const editMessage = (id: string, text: string): Promise<ChatMessage> => readBody(api.PATCH('/v1/messages/{id}', { params: of(id), body: { text } }));
export const removeMessage = (id: string, whom: 'me' | 'all'): Promise<void> => expectOk(api.DELETE('/v1/messages/{id}', { params: { ...of(id), query: { for: whom } } }));
export const react = (id: string, reaction: string): Promise<void> => expectOk(api.PUT('/v1/messages/{id}/reaction', { params: of(id), body: { reaction } }));
export const unreact = (id: string): Promise<void> => expectOk(api.DELETE('/v1/messages/{id}/reaction', { params: of(id) }));

export const addMembers = (id: string, members: string[]): Promise<Conversation> => readBody(api.POST('/v1/conversations/{id}/members', { params: of(id), body: { members } }));

const ofMember = (id: string, account: string) => ({ params: { path: { id, account } } });
export const removeMember = (id: string, account: string): Promise<void> => expectOk(api.DELETE('/v1/conversations/{id}/members/{account}', ofMember(id, account)));
export const addAdmin = (id: string, account: string): Promise<void> => expectOk(api.PUT('/v1/conversations/{id}/admins/{account}', ofMember(id, account)));
export const removeAdmin = (id: string, account: string): Promise<void> => expectOk(api.DELETE('/v1/conversations/{id}/admins/{account}', ofMember(id, account)));

/** Makes a link by which people join, in place of the one from before. Returns its token, which is shown this once. */
export const renewInvite = async (id: string): Promise<string> => (await readBody(api.PUT('/v1/conversations/{id}/invite', { params: of(id) }))).token;
export const removeInvite = (id: string): Promise<void> => expectOk(api.DELETE('/v1/conversations/{id}/invite', { params: of(id) }));
export const join = (token: string): Promise<Conversation> => readBody(api.POST('/v1/chat/invites/{token}', { params: { path: { token } } }));

export const getSettings = (): Promise<ChatSettings> => readBody(api.GET('/v1/chat/settings'));
export const putSettings = (body: ChatSettings): Promise<ChatSettings> => readBody(api.PUT('/v1/chat/settings', { body }));

/** Appeals against a verdict, which is possible once. */
export const appeal = (verdict: string, text: string): Promise<void> => expectOk(api.POST('/v1/appeals', { body: { verdict, text } }));

/** Opens the live stream. While it is open for a browser that is in use, the member is online. Throws a Problem if it is refused. */
export async function openStream(signal: AbortSignal, isActive: boolean): Promise<ReadableStream<Uint8Array>> {
  const response = await authorizedFetch(new Request(`/v1/chat/stream${isActive ? '' : '?active=false'}`, { headers: { Accept: 'text/event-stream' }, signal, cache: 'no-store' }));
  if (!response.ok || response.body === null) throw problemFromText(response.status, await response.text());
  return response.body;
}
