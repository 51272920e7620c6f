// Proves that values of several processes are compared, also where a part of them is hidden.
import { expect, it } from 'vitest';
import type { ConfigurationValue } from '../api/types';
import { keyParts, matching, settingsOf } from './settings';

const value = (process: string, change: Partial<ConfigurationValue> = {}): ConfigurationValue => ({
  key: 'media.max_albums', value: '1000', hidden: false, source: 'default', description: 'Albums per member.', process, ...change,
});

it('one value of all processes is one, and a difference is seen', () => {
  const [setting] = settingsOf([value('a', { value: '5', source: 'file' }), value('b'), value('c')]);
  expect(setting).toEqual({
    key: 'media.max_albums',
    description: 'Albums per member.',
    values: [{ text: '1000', isHidden: false, source: 'default', processes: ['b', 'c'] }, { text: '5', isHidden: false, source: 'file', processes: ['a'] }],
    differs: true,
  });
  // The same value from another source is no difference.
  expect(settingsOf([value('a', { source: 'environment' }), value('b')])[0]?.differs).toBe(false);
});

it('what is hidden cannot be compared, and what is left of a value can', () => {
  const [secret] = settingsOf([value('a', { hidden: true, value: null }), value('b', { hidden: true, value: null })]);
  expect([secret?.values, secret?.differs]).toEqual([[{ text: null, isHidden: true, source: 'default', processes: ['a', 'b'] }], false]);
  const [url] = settingsOf([value('a', { hidden: true, value: 'postgres://one/' }), value('b', { hidden: true, value: 'postgres://other/' })]);
  expect([url?.values.length, url?.differs]).toEqual([2, true]);
});

it('a search finds parts of keys and of descriptions', () => {
  const settings = settingsOf([value('a'), value('a', { key: 'admin.listen', value: '127.0.0.1:8082', source: 'file', description: 'Where operators connect.' })]);
  const keys = (text: string, onlySet = false): string[] => matching(settings, { text, onlySet }).map(({ key }) => key);
  expect([keys(''), keys('MAX media'), keys('operators'), keys('nothing'), keys('', true)]).toEqual([['admin.listen', 'media.max_albums'], ['media.max_albums'], ['admin.listen'], [], ['admin.listen']]);
});

it('a key breaks after its dots and underscores only', () => {
  expect(keyParts('delivery.min_archive_bytes')).toEqual(['delivery.', 'min_', 'archive_', 'bytes']);
  expect(keyParts('plain')).toEqual(['plain']);
});
