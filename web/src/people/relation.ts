// Owns what a relationship becomes when the member does something about another one. Does not own sending it. Uses no browser
// API, so it is tested alone.
import type { PersonCounts, Relationship } from '../api/people';

/** A profile as its reader sees it: how the two stand, and the counts, which the reader's own act changes. */
export interface Standing {
  relationship: Relationship;
  counts: PersonCounts | null;
}

const withFollowers = (counts: PersonCounts | null, by: number): PersonCounts | null => counts && { ...counts, followers: Math.max(0, counts.followers + by) };

/** Sets how the reader follows; the count of followers is changed by that one. */
export function withFollow({ relationship, counts }: Standing, follow: Relationship['follow']): Standing {
  const by = Number(follow === 'following') - Number(relationship.follow === 'following');
  return { relationship: { ...relationship, follow }, counts: withFollowers(counts, by) };
}

/** A member who follows a private profile asks first. */
export const withFollowBegun = (standing: Standing, isPrivate: boolean): Standing => withFollow(standing, isPrivate ? 'requested' : 'following');

/** A block ends that the two follow each other, and what each thinks of the other. */
export function withBlock(standing: Standing): Standing {
  const ended = withFollow(standing, 'none');
  return { ...ended, relationship: { ...ended.relationship, follows_you: false, requested_you: false, close: false, blocked: true } };
}

export const withRelationship = (standing: Standing, part: Partial<Relationship>): Standing => ({ ...standing, relationship: { ...standing.relationship, ...part } });

/** For how long a member can be muted, in hours; `null`: until it is ended. */
export const MUTE_HOURS = [8, 24 * 7, null] as const;

/** Returns when a mute ends (RFC 3339). */
export const muteEnd = (hours: number, now: number): string => new Date(now + hours * 3_600_000).toISOString();
