// Proves that every country is offered by name, and the member's time zone by any of its names.
import { expect, it } from 'vitest';
import { countries, timeZones } from './regions';

it('every country has a name, in the order of the names', () => {
  const choices = countries('en');
  expect(choices.length).toBe(249);
  expect(new Set(choices.map(({ value }) => value)).size).toBe(249);
  expect(choices.find(({ value }) => value === 'DE')?.label).toBe('Germany');
  expect(choices[0]?.value).toBe('AF');
});

it('a time zone that the browser does not list is among the choices once', () => {
  const zones = timeZones('Asia/Calcutta', 'Europe/Berlin');
  for (const zone of ['UTC', 'Asia/Calcutta', 'Europe/Berlin']) expect(zones.filter((other) => other === zone)).toEqual([zone]);
});
