// Proves that a size is added without changing the signature.
import { expect, it } from 'vitest';
import { originalUrl, sizedUrl, srcset } from './imageUrl';

it('keeps the signature', () => {
  expect(sizedUrl('/v1/media/a/image?t=x%2By', { w: 320, h: 240, fit: 'cover' })).toBe('/v1/media/a/image?t=x%2By&w=320&h=240&fit=cover');
  expect(sizedUrl('/v1/media/a/image', { w: 640 })).toBe('/v1/media/a/image?w=640');
});

it('offers no size far above the picture’s own', () => {
  expect(srcset('/i', 700).match(/\d+w/g)).toEqual(['320w', '640w', '960w']);
  expect(srcset('/i', null).match(/\d+w/g)).toHaveLength(6);
  expect(srcset('/i', 4000, 640).match(/\d+w/g)).toEqual(['320w', '640w']);
});

it('the original is shown only where every browser can show it', () => {
  const urls = { file: '/v1/files/a.jpeg', original: '/v1/media/a/original' };
  expect(originalUrl({ content_type: 'image/jpeg', urls })).toBe(urls.file);
  expect(originalUrl({ content_type: 'image/png', urls: { original: urls.original } })).toBe(urls.original);
  expect(originalUrl({ content_type: 'image/heic', urls })).toBeNull();
  expect(originalUrl({ content_type: 'image/webp', urls: {} })).toBeNull();
});
