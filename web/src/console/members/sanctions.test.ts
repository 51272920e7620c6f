// Proves how a sanction of the history stands, and what ends a form chooses.
import { expect, it } from 'vitest';
import type { Sanction } from '../api/types';
import { endFrom, localIn, phase } from './sanctions';

const NOW = Date.parse('2026-05-17T09:30:00Z');
const sanction = (change: Partial<Sanction>): Sanction => ({
  id: '1', state: 'suspended', reason: 'Spam.', until: null, imposed_by: 'o', imposed_at: '2026-05-16T00:00:00Z', lifted_by: null, lifted_at: null, lift_reason: null, ...change,
});

it('a sanction is in force until it is lifted or its end has passed', () => {
  expect(phase(sanction({ until: '2026-05-17T09:30:01Z' }), NOW)).toBe('in-force');
  expect(phase(sanction({ until: '2026-05-17T09:30:00Z' }), NOW)).toBe('ended');
});

it('a sanction that ended by itself was lifted by no one', () => {
  expect(phase(sanction({}), NOW)).toBe('in-force');
  expect(phase(sanction({ until: '2026-05-17T00:00:00Z' }), NOW)).toBe('ended');
  expect(phase(sanction({ lifted_at: '2026-05-17T00:00:00Z' }), NOW)).toBe('ended');
  expect(phase(sanction({ lifted_at: '2026-05-17T00:00:00Z', lifted_by: 'o' }), NOW)).toBe('lifted');
});

it('an end is a local time in the form, and UTC for the server', () => {
  expect(Date.parse(endFrom(localIn(7, NOW))!)).toBe(NOW + 7 * 86_400_000);
  expect([endFrom(''), endFrom('soon')]).toEqual([null, null]);
});
