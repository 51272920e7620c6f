// Proves that a size is added without changing the signature.
import { expect, it } from 'vitest';
import { sizedUrl, srcset } from './imageUrl';

it('keeps the signature', () => {
  expect(sizedUrl('/v1/media/a/image?t=x%2By', { w: 320, h: 240, fit: 'cover' })).toBe('/v1/media/a/image?t=x%2By&w=320&h=240&fit=cover');
  expect(sizedUrl('/v1/media/a/image', { w: 640 })).toBe('/v1/media/a/image?w=640');
});

it('offers no size far above the picture’s own', () => {
  expect(srcset('/i', 700).match(/\d+w/g)).toEqual(['320w', '640w', '960w']);
  expect(srcset('/i', null).match(/\d+w/g)).toHaveLength(6);
  expect(srcset('/i', 4000, 640).match(/\d+w/g)).toEqual(['320w', '640w']);
});
