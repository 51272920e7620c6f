// Proves that every decision has a name, also one of a newer server.
import { expect, it } from 'vitest';
import { appealLabel, decisionLabel } from './decisionWords';

it('decisions and appeals have names', () => {
  expect(['remove', 'screened', 'shout', 'valueOf'].map(decisionLabel)).toEqual(['Removed', 'Stopped by an automatic check', 'A decision', 'A decision']);
  expect(appealLabel('overturned')).toBe('Your appeal was answered: the decision is undone.');
});
