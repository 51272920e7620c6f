// Proves that `?to=` leads only to paths of this page.
import { expect, it } from 'vitest';
import { returnPath } from './returnPath';

const ORIGIN = 'https://tutti.example';

it('leads back to a path of this page', () => {
  for (const path of ['/', '/settings', '/m/5kT0vYq8Zb3mXw1RcHs9Ga?t=30#start', '/u/ada.lovelace', '/?q=a%2Fb&kind=photo']) {
    expect(returnPath(path, ORIGIN)).toBe(path);
  }
  expect(returnPath('/m/../settings', ORIGIN)).toBe('/settings');
});

it('never leaves this origin, nor leads to a path that the server responds to', () => {
  const elsewhere = [
    null, '', 'settings', 'evil.example', '//evil', '///evil', '/\\evil', '\\/evil', '\\\\evil', '/\t/evil', '/\n/evil', '\t//evil', ' //evil',
    '/\t\\evil', '/.//evil', '/..//evil', '/./\\evil', '/m/..//evil', '/%2e//evil', '/%2e%2e//evil', 'http:evil', 'https://evil', 'https:/evil', 'HTTPS://evil',
    'javascript:alert(1)', 'java\tscript:alert(1)', '/\u0000/../\\/evil', 'data:text/html,x', 'blob:https://tutti.example/x', '//tutti.example@evil/',
    '/docs', '/docs/', '/v1/media', '/metrics', '/.well-known/jwks.json', '/assets/a.js', '//[', 'http://[',
  ];
  for (const to of elsewhere) expect(returnPath(to, ORIGIN), JSON.stringify(to)).toBe('/');
});

it('returns nothing that parses as another origin, however it was encoded', () => {
  const parts = ['/', '\\', '%2f', '%5c', '\t', '%09', '.', '%2e', 'evil', ':', '@', 'javascript:', '\u2028', '\uff0f'];
  const bad: string[] = [];
  for (const a of parts)
    for (const b of parts)
      for (const c of parts)
        for (const d of parts) {
          const to = `/${a}${b}${c}${d}`;
          // As the page reads it, and once more decoded, as a careless link might.
          for (const path of [returnPath(to, ORIGIN), returnPath(new URLSearchParams(`to=${to}`).get('to'), ORIGIN)]) {
            if (new URL(path, ORIGIN).origin !== ORIGIN || !/^\/(?![/\\])/.test(path)) bad.push(to);
          }
        }
  expect(bad).toEqual([]);
});
