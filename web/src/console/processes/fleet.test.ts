// Proves that what needs attention comes first, and is counted.
import { expect, it } from 'vitest';
import type { FleetProcess } from '../api/types';
import { byHealth, nameOf, summaryOf } from './fleet';

const process = (id: string | null, change: Partial<FleetProcess> = {}): FleetProcess => ({
  id, roles: ['media'], version: '0.1.0', started_at: '2026-05-17T09:00:00Z', address: '10.0.0.1:9000', ready: true, checks: [], load: null, unreachable: false, ...change,
});

it('unreachable processes come first, then those that are not ready, then by role', () => {
  const fleet = [process('d'), process('c', { roles: ['accounts'] }), process('b', { ready: false }), process(null, { unreachable: true, address: 'a2:9000' }), process('a1', { unreachable: true })];
  expect(byHealth(fleet).map(nameOf)).toEqual(['a1', 'a2:9000', 'b', 'c', 'd']);
});

it('a fleet of several versions says so', () => {
  expect(summaryOf([process('a'), process('b', { ready: false })])).toEqual({ count: 2, unreachable: 0, notReady: 1, versions: [] });
  expect(summaryOf([process('a'), process('b', { version: '0.2.0' }), process('c', { version: null, unreachable: true })])).toEqual({ count: 3, unreachable: 1, notReady: 0, versions: ['0.1.0', '0.2.0'] });
});
