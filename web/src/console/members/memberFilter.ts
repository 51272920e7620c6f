// Owns the search for members: how it stands in the URL, and which query it is.
// Invariant: the URL of a search finds the same members again; what is empty, or no state, is left out.
import type { AccountsQuery } from '../api/client';
import type { AccountState } from '../api/types';
import { isAccountState } from './accountState';

export interface MemberFilter {
  text: string;
  state: AccountState | '';
}

export function filterFromUrl(query: URLSearchParams): MemberFilter {
  const state = query.get('state') ?? '';
  return { text: query.get('q')?.trim() ?? '', state: isAccountState(state) ? state : '' };
}

/** Returns the path of the page with this search. */
export function filterPath({ text, state }: MemberFilter): string {
  const query = new URLSearchParams({ ...(text.trim() ? { q: text.trim() } : {}), ...(state ? { state } : {}) });
  return query.size > 0 ? `/?${query}` : '/';
}

/** Returns the query of the server. A handle may be written with its `@`. */
export function accountsQuery({ text, state }: MemberFilter): AccountsQuery {
  const query = text.replace(/^@/, '');
  return { ...(query ? { query } : {}), ...(state ? { state } : {}) };
}
