// Proves what the form of a reminder says to the server, that states have names, also those of a newer server, and that a
// link's token says which mails it stops.
import { expect, it } from 'vitest';
import { kindsOfToken, reminderRule, reminderState, reminderTime } from './reminders';

it('a reminder comes at a time, or some days before the date of something', () => {
  const fields = { subject: '', at: '2027-03-28T09:00:00', days: '3', time: '10:30:00' };
  expect(reminderTime(fields, 'Europe/Berlin')).toEqual({ at: '2027-03-28T09:00', zone: 'Europe/Berlin' });
  expect(reminderTime({ ...fields, subject: 's1' }, 'UTC')).toEqual({ subject: 's1', days_before: 3, time: '10:30', zone: 'UTC' });
});

it('says what it follows, unless it was put off', () => {
  const follows = { subject: 's1', days_before: 1, time: '09:00', snoozed: false };
  expect([reminderRule(follows), reminderRule({ ...follows, days_before: 0 }), reminderRule({ ...follows, days_before: 21 })]).toEqual(['1 day before, 09:00', 'On that day, 09:00', '21 days before, 09:00']);
  expect([reminderRule({ ...follows, snoozed: true }), reminderRule({ subject: null, days_before: null, time: null, snoozed: false })]).toEqual([null, null]);
});

it('a state has a name, also one that is not known', () => {
  expect([reminderState('waiting'), reminderState('fired'), reminderState('eaten')]).toEqual(['To come', 'Over', 'In an unknown state']);
});

it('a token names the kinds that are known', () => {
  expect(kindsOfToken('0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b63~mentioned~eaten~reminder~k2.AAAA')).toEqual(['mentioned', 'reminder']);
  expect(['', 'x', 'x~y', '~~'].map(kindsOfToken)).toEqual([[], [], [], []]);
});
