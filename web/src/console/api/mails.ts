// Owns the operations of mails, one function each.
import { api, page, read } from './client';
import type { Mail } from './types';

export interface MailsQuery {
  /** One that the server does not know is refused by it. */
  state?: string;
  account?: string;
}

export const listMails = (query: MailsQuery, after: string | null) => read(api.GET('/v1/admin/mails', { params: { query: { ...(query as MailsQuery & { state?: Mail['state'] }), ...page(after) } } }));

/** Returns a mail with its content. The server records who read it. */
export const showMail = (id: string) => read(api.GET('/v1/admin/mails/{id}', { params: { path: { id } } }));

export const redeliverMail = (id: string, reason: string) => read(api.POST('/v1/admin/mails/{id}/redeliver', { params: { path: { id } }, body: { reason } }));
