// Owns what the states of reminders are called, and what the token of a link from a mail stops. Uses no browser API.
import m from '#messages/notifications';
import type { NoticeKind } from '../api/types';
import { isKnownKind } from './kinds';

const STATES: Readonly<Record<string, () => string>> = { waiting: m.reminderWaiting, fired: m.reminderFired, cancelled: m.reminderCancelled };

/** Returns what a state of a reminder is called. */
export const reminderState = (state: string): string => (STATES[state] ?? m.reminderUnknown)();

/** Returns the kinds of notices whose mails a link stops: its token is `account~kind~kind~signature`. The server checks it. */
export const kindsOfToken = (token: string): NoticeKind[] => token.split('~').slice(1, -1).filter(isKnownKind);
