// Proves what can be searched for, and how reports are called.
import { expect, it } from 'vitest';
import { kindName, REPORT_KINDS, reportName, reportQuery, standing } from './reportWords';

it('searches for what is chosen only', () => {
  expect(reportQuery({ state: '', kind: '' })).toEqual({});
  expect(reportQuery({ state: 'closed', kind: 'post' })).toEqual({ state: 'closed', kind: 'post' });
});

it('a report says what was reported, why, and what was decided', () => {
  expect(REPORT_KINDS).toEqual(['post', 'comment', 'account']);
  expect(reportName({ kind: 'comment', reason: 'spam' })).toBe('Comment: Advertising');
  expect(standing({ state: 'open', decision: null })).toBe('Open');
  expect([standing({ state: 'closed', decision: 'keep' }), standing({ state: 'closed', decision: 'remove' })]).toEqual(['Kept', 'Removed']);
  expect(['song', 'valueOf'].map(kindName)).toEqual(['song', 'valueOf']);
});
