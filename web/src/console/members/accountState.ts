// Owns the states of an account, and what they are called.
import m from '#messages/console';
import type { AccountState } from '../api/types';

const NAMES: Readonly<Record<AccountState, () => string>> = {
  active: m.stateActive,
  limited: m.stateLimited,
  suspended: m.stateSuspended,
  banned: m.stateBanned,
};

export const ACCOUNT_STATES = Object.keys(NAMES) as AccountState[];

export const isAccountState = (state: string): state is AccountState => Object.hasOwn(NAMES, state);

/** Returns what a state is called; of one that a newer server has, its own name. */
export const stateName = (state: string): string => (isAccountState(state) ? NAMES[state]() : state);
