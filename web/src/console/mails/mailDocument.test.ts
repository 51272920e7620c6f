// Proves that the document of a mail loads nothing, and that what people read stays.
import { expect, it } from 'vitest';
import { mailDocument } from './mailDocument';

it('the policy comes before all that the mail has', () => {
  const document = mailDocument('<!doctype html><html><head><script src="https://x.example/a.js"></script></head><body>hello</body></html>');
  expect(document.indexOf("default-src 'none'")).toBeGreaterThan(0);
  expect(document.indexOf('Content-Security-Policy')).toBeLessThan(document.indexOf('<html>'));
  expect(document).not.toContain('https://x.example');
});

it('styles, links and pictures are gone, texts are not', () => {
  const html = '<style media="all">p { color: red }</style><p style="color: red" class="a">style="x" stays</p><A  HREF=\'https://t.example/?code=1\' dir="ltr">Confirm</A><img src=https://t.example/x.png alt="x">';
  const document = mailDocument(html);
  expect(document.slice(document.indexOf('<p'))).toBe('<p class="a">style="x" stays</p><A dir="ltr">Confirm</A><img alt="x">');
});
