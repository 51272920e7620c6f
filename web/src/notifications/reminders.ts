// Owns when reminders come and what their states are called, and what the token of a link from a mail stops. Uses no browser API.
import m from '#messages/notifications';
import type { ReminderTime } from '../api/reminders';
import type { NoticeKind, Reminder } from '../api/types';
import { isKnownKind } from './kinds';

const STATES: Readonly<Record<string, () => string>> = { waiting: m.reminderWaiting, fired: m.reminderFired, cancelled: m.reminderCancelled };

/** Returns what a state of a reminder is called. */
export const reminderState = (state: string): string => (STATES[state] ?? m.reminderUnknown)();

/** How many days before a date a reminder can come. */
export const DAYS_BEFORE = [0, 1, 2, 3, 7, 14, 21, 28] as const;

/** What the form has, as its fields have it. */
export interface ReminderFields {
  /** The id of what has the date that it follows; empty for a time of its own. */
  subject: string;
  at: string;
  days: string;
  time: string;
}

/** Returns when a reminder comes, by the clock of a zone. */
export function reminderTime({ subject, at, days, time }: ReminderFields, zone: string): ReminderTime {
  // A browser may add seconds.
  return subject === '' ? { at: at.slice(0, 16), zone } : { subject, days_before: Number(days), time: time.slice(0, 5), zone };
}

/** Says what a reminder follows, such as *3 days before, 09:00*; `null` for one that follows nothing, or was put off. */
export function reminderRule({ subject, days_before, time, snoozed }: Pick<Reminder, 'subject' | 'days_before' | 'time' | 'snoozed'>): string | null {
  if (subject === null || days_before === null || time === null || snoozed) return null;
  return m.reminderRule({ days: m.reminderDaysBefore({ count: days_before }), time });
}

/** Returns the kinds of notices whose mails a link stops: its token is `account~kind~kind~signature`. The server checks it. */
export const kindsOfToken = (token: string): NoticeKind[] => token.split('~').slice(1, -1).filter(isKnownKind);
