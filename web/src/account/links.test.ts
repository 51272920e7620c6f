// Proves that a member's links are read line by line, and that a link shows where it leads.
import { expect, it } from 'vitest';
import { linksOf, shownLink } from './links';

it('links are read line by line, and empty lines are none', () => {
  expect(linksOf(' https://a.example/ \n\n\thttps://b.example/x\r\n')).toEqual(['https://a.example/', 'https://b.example/x']);
  expect(linksOf('  ')).toEqual([]);
});

it('a link shows its domain as it is, and that it is not encrypted', () => {
  expect(shownLink('https://xn--pypal-4ve.example/')).toBe('xn--pypal-4ve.example');
  expect(shownLink('http://a.example/ada')).toBe('http://a.example/ada');
});
