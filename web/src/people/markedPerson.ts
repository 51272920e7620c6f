// Owns what the lists of blocked and muted members and of close friends have in common.
import type { PeoplePage } from '../api/people';
import type { Person } from '../api/types';
import type { KeysetPage } from '../ui/keysetList.svelte';

/** A member of one of the lists. */
export interface MarkedPerson {
  person: Person;
  /** Since when they are blocked. */
  since?: string;
  /** When the mute ends by itself; `null` if it stays. */
  until?: string | null;
}

/** Returns a page of people as one of marked people. */
export const markedPage = ({ items, next = null }: PeoplePage): KeysetPage<MarkedPerson> => ({ items: items.map((person) => ({ person })), next });
