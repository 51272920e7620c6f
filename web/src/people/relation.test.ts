// Proves what a profile shows while the server has not yet said what a follow, a block or a mute has changed.
import { expect, it } from 'vitest';
import type { Relationship } from '../api/people';
import { muteEnd, withBlock, withFollow, withFollowBegun, type Standing } from './relation';

const NONE: Relationship = { follow: 'none', follows_you: true, requested_you: false, blocked: false, muted: false, close: true };
const START: Standing = { relationship: NONE, counts: { followers: 3, following: 1, posts: 2 } };

it('a follow counts at once, a request does not', () => {
  expect(withFollowBegun(START, false)).toMatchObject({ relationship: { follow: 'following' }, counts: { followers: 4 } });
  expect(withFollowBegun(START, true)).toMatchObject({ relationship: { follow: 'requested' }, counts: { followers: 3 } });
  expect(withFollow(withFollowBegun(START, false), 'none')).toEqual(START);
  expect(withFollow({ ...START, counts: null }, 'following').counts).toBeNull();
});

it('a block ends everything between the two', () => {
  const blocked = withBlock(withFollowBegun(START, false));
  expect(blocked.relationship).toEqual({ ...NONE, follows_you: false, close: false, blocked: true });
  expect(blocked.counts).toEqual(START.counts);
});

it('a mute ends after as many hours as were chosen', () => {
  expect(muteEnd(8, Date.UTC(2026, 5, 20, 20))).toBe('2026-06-21T04:00:00.000Z');
});
