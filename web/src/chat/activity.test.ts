// Proves that a member is away once no tab was on the screen for five minutes.
import { expect, it } from 'vitest';
import { Activity } from './activity';

it('a browser is in use until no tab was on the screen for five minutes', () => {
  let now = 0;
  const activity = new Activity(() => now);
  expect(activity.isActive).toBe(true);
  now = 299_000;
  activity.see();
  now = 598_000;
  expect(activity.isActive).toBe(true);
  now = 599_000;
  expect(activity.isActive).toBe(false);
  activity.see();
  expect(activity.isActive).toBe(true);
});
