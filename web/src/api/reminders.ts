// Owns the operations of reminders, and of the links by which mails are stopped, one function each.
import { api, expectOk, readBody, visitorApi } from './client';
import type { NoticeKind, Reminder } from './types';

export interface RemindersPage {
  items: Reminder[];
  next?: string | null;
}

/** When a reminder comes: at a time of the wall clock in a zone, such as `2027-03-28T09:00`, or some days before a date. */
export type ReminderTime = { at: string; zone: string } | { subject: string; days_before: number; time: string; zone: string };

const of = (id: string) => ({ params: { path: { id } } });

export const list = (limit: number, after?: string): Promise<RemindersPage> =>
  readBody(api.GET('/v1/reminders', { params: { query: { limit, ...(after ? { after } : {}) } } }));

export const create = (text: string, when: ReminderTime): Promise<Reminder> => readBody(api.POST('/v1/reminders', { body: { text, ...when } }));
export const remove = (id: string): Promise<void> => expectOk(api.DELETE('/v1/reminders/{id}', of(id)));
/** Lets a reminder come again after some minutes. */
export const snooze = (id: string, minutes: number): Promise<Reminder> => readBody(api.POST('/v1/reminders/{id}/snooze', { ...of(id), body: { minutes } }));

/** Stops the mails that a link stops. It needs no session. */
export const unsubscribe = (token: string, kind?: NoticeKind): Promise<void> =>
  expectOk(visitorApi.POST('/v1/notifications/unsubscribe', { params: { query: { token, ...(kind ? { kind } : {}) } } }));
