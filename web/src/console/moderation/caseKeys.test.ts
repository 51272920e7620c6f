// Proves which keys move through the queue, and that typing decides nothing.
import { expect, it } from 'vitest';
import { actOf, stepTo } from './caseKeys';

const press = (key: string, change = {}) => ({ key, altKey: false, ctrlKey: false, metaKey: false, repeat: false, defaultPrevented: false, ...change });
const link = { matches: () => false };
const field = { matches: () => true };

it('letters move, claim, decide and go back', () => {
  expect(['j', 'k', 'c', 'd', 'u', 'x', 'toString'].map((key) => actOf(press(key), link))).toEqual(['next', 'previous', 'claim', 'decide', 'back', null, null]);
});

it('what is typed into a field, or pressed with another key, is none of them', () => {
  expect([actOf(press('d'), field), actOf(press('d'), null), actOf(press('d', { ctrlKey: true }), link), actOf(press('d', { defaultPrevented: true }), link)]).toEqual([null, null, null, null]);
  expect([actOf(press('j', { repeat: true }), link), actOf(press('d', { repeat: true }), link)]).toEqual(['next', null]);
});

it('a step ends at both ends of the list', () => {
  expect([stepTo(-1, 1, 3), stepTo(0, 1, 3), stepTo(2, 1, 3), stepTo(0, -1, 3), stepTo(-1, -1, 0)]).toEqual([0, 1, 2, 0, -1]);
});
