// Proves that states have names, also those of a newer server, and that a link's token says which mails it stops.
import { expect, it } from 'vitest';
import { kindsOfToken, reminderState } from './reminders';

it('a state has a name, also one that is not known', () => {
  expect([reminderState('waiting'), reminderState('fired'), reminderState('eaten')]).toEqual(['To come', 'Over', 'In an unknown state']);
});

it('a token names the kinds that are known', () => {
  expect(kindsOfToken('0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b63~mentioned~eaten~reminder~k2.AAAA')).toEqual(['mentioned', 'reminder']);
  expect(['', 'x', 'x~y', '~~'].map(kindsOfToken)).toEqual([[], [], [], []]);
});
