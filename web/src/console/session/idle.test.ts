// Proves that a console is closed after the time without input, however the device slept meanwhile.
import { expect, it } from 'vitest';
import { IdleClock } from './idle';

it('each input begins the time anew, but not after it has passed', () => {
  const clock = new IdleClock(100, 0);
  expect([clock.isOver(99), clock.isOver(100)]).toEqual([false, true]);
  clock.input(60);
  expect([clock.isOver(159), clock.isOver(160)]).toEqual([false, true]);
  // The first touch after a night: it must not make the screen valid again.
  clock.input(5_000);
  expect(clock.isOver(5_000)).toBe(true);
  clock.restart(5_000);
  expect([clock.isOver(5_099), clock.isOver(5_100)]).toEqual([false, true]);
});
