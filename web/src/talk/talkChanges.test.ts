// Proves that a reader's own acts change the counts by one, and only when they count.
import { expect, it } from 'vitest';
import type { Post } from '../api/types';
import { hasReposted, withComments, withReaction, withReposted, withSaved } from './talkChanges';
import { linesOf } from './watchedWords';

const POST = {
  mine: { reaction: null, saved: false, reposted: false, repost_pending: false },
  counts: { comments: 0, reactions: 4, reposts: 1 },
  policies: { repost: 'everyone' },
} as unknown as Post;

it('another reaction instead of the first is no second one', () => {
  const liked = withReaction(POST, 'like');
  expect(liked).toMatchObject({ mine: { reaction: 'like' }, counts: { reactions: 5 } });
  expect(withReaction(liked, 'applause')).toMatchObject({ mine: { reaction: 'applause' }, counts: { reactions: 5 } });
  expect(withReaction(liked, null)).toEqual(POST);
});

it('a repost that waits for approval does not count yet, and one that was approved does', () => {
  expect(withReposted(POST, true, false)).toMatchObject({ mine: { reposted: true, repost_pending: false }, counts: { reposts: 2 } });
  const approving = { ...POST, policies: { repost: 'approval' } } as Post;
  const waiting = withReposted(approving, true, false);
  expect(waiting).toMatchObject({ mine: { reposted: false, repost_pending: true }, counts: { reposts: 1 } });
  expect([hasReposted(waiting), withReposted(waiting, false, false)]).toEqual([true, approving]);
  expect(withReposted(approving, true, true)).toMatchObject({ mine: { reposted: true }, counts: { reposts: 2 } });
  const approved = { ...approving, mine: { ...POST.mine, reposted: true } };
  expect(withReposted(approved, false, false)).toMatchObject({ mine: { reposted: false }, counts: { reposts: 0 } });
});

it('saving changes no count, and no count falls below zero', () => {
  expect(withSaved(POST, true)).toEqual({ ...POST, mine: { ...POST.mine, saved: true } });
  expect(withComments(POST, -1).counts.comments).toBe(0);
  expect(withComments(POST, 1).counts.comments).toBe(1);
});

it('watched words are one per line, each once', () => {
  expect(linesOf(' spoiler \n\nbuy now\nspoiler')).toEqual(['spoiler', 'buy now']);
});
