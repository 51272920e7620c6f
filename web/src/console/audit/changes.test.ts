// Proves that a reader sees what an act changed, and nothing that it left as it was.
import { expect, it } from 'vitest';
import { changes } from './changes';

it('of lists only what was added and removed is shown', () => {
  expect(changes({ roles: ['member', 'viewer'] }, { roles: ['member', 'moderator', 'operator'] })).toEqual([
    { field: 'roles', removed: ['viewer'], added: ['moderator', 'operator'] },
  ]);
  expect(changes({ order: ['a', 'b'] }, { order: ['b', 'a'] })).toEqual([{ field: 'order', removed: ['a, b'], added: ['b, a'] }]);
  expect(changes({ roles: null }, { roles: ['member'] })).toEqual([{ field: 'roles', removed: [], added: ['member'] }]);
});

it('fields are compared one by one, at every depth, and those that are the same are left out', () => {
  const before = { state: 'active', until: null, limits: { bytes: 5, items: 10 }, handle: 'ada' };
  const after = { state: 'suspended', until: '2026-06-01T00:00:00Z', limits: { bytes: 7, items: 10 }, handle: 'ada' };
  expect(changes(before, after)).toEqual([
    { field: 'limits.bytes', removed: ['5'], added: ['7'] },
    { field: 'state', removed: ['active'], added: ['suspended'] },
    { field: 'until', removed: [], added: ['2026-06-01T00:00:00Z'] },
  ]);
});

it('what was created or removed is shown whole', () => {
  expect(changes(null, { name: 'x', events: [{ a: 1 }] })).toEqual([
    { field: 'events', removed: [], added: ['[{"a":1}]'] },
    { field: 'name', removed: [], added: ['x'] },
  ]);
  expect(changes({ name: 'x' }, null)).toEqual([{ field: 'name', removed: ['x'], added: [] }]);
  expect(changes(null, null)).toEqual([]);
  expect(changes({ a: { b: false } }, { a: 'text' })).toEqual([{ field: 'a', removed: ['{"b":false}'], added: ['text'] }]);
  expect(changes('old', 'new')).toEqual([{ field: '', removed: ['old'], added: ['new'] }]);
  expect(changes({ on: false }, { on: true })).toEqual([{ field: 'on', removed: ['false'], added: ['true'] }]);
});
