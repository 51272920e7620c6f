// Owns how the items of members are found by and shown to operators: what can be searched for, what their states are called,
// and where a picture of one may be shown.
import m from '#messages/console';
import type { MediaQuery } from '../api/media';
import type { MemberMedia } from '../api/types';
import { withoutAt, withoutEmpty, type Filter } from '../filterUrl';

type State = MemberMedia['state'];

const NAMES: Readonly<Record<State, () => string>> = {
  received: m.mediaReceived,
  processing: m.mediaProcessing,
  playable: m.mediaPlayable,
  ready: m.mediaReady,
  failed: m.failed,
};

export const MEDIA_STATES = Object.keys(NAMES) as State[];

/** Returns what a state is called; of one that a newer server has, its own name. */
export const mediaStateName = (state: string): string => (Object.hasOwn(NAMES, state) ? NAMES[state as State]() : state);

/** Whether a state is good, bad, or neither. */
export const isMediaWell = (state: string): boolean | null => (state === 'failed' ? false : state === 'ready' ? true : null);

export interface Poster {
  href: string;
  /** Whether the policy of the page lets it be shown: it has the page's own origin. Another one can be opened. */
  isOwn: boolean;
}

/** Returns where the poster of an item is; `null` for none, and for what is no page of a site. */
export function posterOf(url: string | null, page: string): Poster | null {
  if (url === null || !URL.canParse(url, page)) return null;
  const { href, origin, protocol } = new URL(url, page);
  return ['http:', 'https:'].includes(protocol) ? { href, isOwn: origin === new URL(page).origin } : null;
}

/** Returns the query of the server: without a member it lists only what failed. A handle may be written with its `@`. */
export function mediaQuery({ owner, state }: Filter<'owner' | 'state'>): MediaQuery {
  return withoutEmpty({ owner: withoutAt(owner), state: owner || state ? state : 'failed' });
}

/** Whether the server can search for this: only what failed is listed of all members. */
export const isSearchable = ({ owner, state }: Filter<'owner' | 'state'>): boolean => owner.trim() !== '' || ['', 'failed'].includes(state);
