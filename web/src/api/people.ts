// Owns the operations about other members, one function each: whom a member follows, blocks, mutes and is close to.
import { api, expectOk, readBody } from './client';
import type { Account, Person } from './types';

interface KeysetOf<T> {
  items: T[];
  next?: string | null;
}

export type PeoplePage = KeysetOf<Person>;

export interface BlockedPerson {
  person: Person;
  since: string;
}

export interface MutedPerson {
  person: Person;
  /** When the mute ends by itself; `null` if it stays. */
  until: string | null;
}

/** How the reader and a member stand to each other. */
export interface Relationship {
  follow: 'none' | 'requested' | 'following';
  follows_you: boolean;
  requested_you: boolean;
  blocked: boolean;
  muted: boolean;
  close: boolean;
}

export interface PersonCounts {
  followers: number;
  following: number;
  posts: number;
}

const NO_RELATIONSHIP: Relationship = { follow: 'none', follows_you: false, requested_you: false, blocked: false, muted: false, close: false };

/** A member's page in one call: the profile, the counts, and how the reader and the member stand to each other. */
export interface ProfileScreen {
  account: Account;
  /** `null` while they cannot be read. */
  counts: PersonCounts | null;
  relationship: Relationship;
}

/** Returns a member's page by the handle, or by the id of the account. */
export async function getProfileScreen(handle: string): Promise<ProfileScreen> {
  const { account, counts, relationship } = await readBody(api.GET('/v1/profiles/{handle}', { params: of(handle) }));
  // There is none to oneself, and none to a visitor.
  return { account, counts, relationship: relationship ?? NO_RELATIONSHIP };
}

const of = (handle: string) => ({ path: { handle } });
const pageOf = (limit: number, after?: string) => ({ limit, ...(after ? { after } : {}) });

/** Follows, or asks to where the profile is private. */
export const follow = async (handle: string): Promise<Relationship['follow']> => followState((await readBody(api.PUT('/v1/accounts/{handle}/follow', { params: of(handle) }))).state);
export const unfollow = async (handle: string): Promise<Relationship['follow']> => followState((await readBody(api.DELETE('/v1/accounts/{handle}/follow', { params: of(handle) }))).state);

const followState = (state: string): Relationship['follow'] => (state === 'following' || state === 'requested' ? state : 'none');

export const block = (handle: string): Promise<void> => expectOk(api.PUT('/v1/accounts/{handle}/block', { params: of(handle) }));
export const unblock = (handle: string): Promise<void> => expectOk(api.DELETE('/v1/accounts/{handle}/block', { params: of(handle) }));

/** Leaves a member out of the feeds, until a time (RFC 3339) or for good. */
export const mute = (handle: string, until?: string): Promise<void> => expectOk(api.PUT('/v1/accounts/{handle}/mute', { params: { ...of(handle), ...(until ? { query: { until } } : {}) } }));
export const unmute = (handle: string): Promise<void> => expectOk(api.DELETE('/v1/accounts/{handle}/mute', { params: of(handle) }));

export const addClose = (handle: string): Promise<void> => expectOk(api.PUT('/v1/accounts/{handle}/close', { params: of(handle) }));
export const removeClose = (handle: string): Promise<void> => expectOk(api.DELETE('/v1/accounts/{handle}/close', { params: of(handle) }));

/** Whom the member blocks, mutes and has as close friends; only the member reads these lists. */
export const listBlocked = (limit: number, after?: string): Promise<KeysetOf<BlockedPerson>> => readBody(api.GET('/v1/me/blocked', { params: { query: pageOf(limit, after) } }));
export const listMuted = (limit: number, after?: string): Promise<KeysetOf<MutedPerson>> => readBody(api.GET('/v1/me/muted', { params: { query: pageOf(limit, after) } }));
export const listClose = (limit: number, after?: string): Promise<PeoplePage> => readBody(api.GET('/v1/me/close', { params: { query: pageOf(limit, after) } }));

export const listFollowers = (handle: string, limit: number, after?: string): Promise<PeoplePage> =>
  readBody(api.GET('/v1/accounts/{handle}/followers', { params: { ...of(handle), query: pageOf(limit, after) } }));

export const listFollowing = (handle: string, limit: number, after?: string): Promise<PeoplePage> =>
  readBody(api.GET('/v1/accounts/{handle}/following', { params: { ...of(handle), query: pageOf(limit, after) } }));

export const listRequests = (limit: number, after?: string): Promise<PeoplePage> => readBody(api.GET('/v1/follow-requests', { params: { query: pageOf(limit, after) } }));

export const acceptRequest = (handle: string): Promise<void> => expectOk(api.POST('/v1/follow-requests/{handle}/accept', { params: of(handle) }));
export const rejectRequest = (handle: string): Promise<void> => expectOk(api.POST('/v1/follow-requests/{handle}/reject', { params: of(handle) }));
