// Proves how cases are called, and which actions are offered to whom.
import { expect, it } from 'vitest';
import { actionName, actionsFor, caseName, hasEnd, isAdverse } from './caseWords';

it('a case says what it is about, and whether it is an appeal', () => {
  expect(caseName({ kind: 'comment', reason: 'spam', is_held: false, is_appeal: false })).toBe('Comment: Advertising');
  expect(caseName({ kind: 'message', reason: 'hate', is_held: false, is_appeal: true })).toBe('Appeal: Message: Hate');
  expect(caseName({ kind: 'item', reason: 'other', is_held: true, is_appeal: false })).toBe('Item of a library: held by a check');
  expect(caseName({ kind: 'valueOf', reason: 'spam', is_held: false, is_appeal: false })).toBe('valueOf: Advertising');
  expect(caseName({ kind: 'post', reason: 'other', is_held: true, is_appeal: false })).toBe('Post: held by a check');
  expect(['remove', 'shout', 'valueOf'].map(actionName)).toEqual(['Remove', 'shout', 'valueOf']);
});

it('what is offered fits the case and the role', () => {
  expect(actionsFor({ kind: 'post', is_appeal: false }, ['moderator'])).toEqual(['keep', 'warn', 'remove', 'limit', 'suspend']);
  expect(actionsFor({ kind: 'account', is_appeal: false }, ['operator'])).toEqual(['keep', 'warn', 'limit', 'suspend', 'ban']);
  expect(actionsFor({ kind: 'post', is_appeal: true }, ['operator'])).toEqual(['uphold', 'overturn']);
  expect([isAdverse('warn'), isAdverse('keep'), hasEnd('suspend'), hasEnd('ban')]).toEqual([true, false, true, false]);
});
