// Owns the states of a mail, and what they are called.
import m from '#messages/console';
import type { Mail } from '../api/types';

type State = Mail['state'];

const NAMES: Readonly<Record<State, () => string>> = { waiting: m.waiting, sent: m.sent, dead: m.mailGivenUp };

export const MAIL_STATES = Object.keys(NAMES) as State[];

/** Returns what a state is called; of one that a newer server has, its own name. */
export const mailStateName = (state: string): string => (Object.hasOwn(NAMES, state) ? NAMES[state as State]() : state);

/** Whether a state is good, bad, or neither. */
export const isMailWell = (state: string): boolean | null => (state === 'dead' ? false : state === 'sent' ? true : null);
