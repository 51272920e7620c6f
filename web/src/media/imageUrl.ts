// Owns the URLs of pictures: appends a size to the server's URL, whose signature must stay unchanged.
import type { Media } from '../api/types';

/** Widths that the page requests, in pixels. Few, so that the caches of server and browser are shared. */
export const WIDTHS = [320, 640, 960, 1280, 1920, 2560] as const;

/** Formats that every browser shows, so that the file itself can be shown. */
const SHOWN_TYPES = ['image/jpeg', 'image/png', 'image/webp', 'image/gif', 'image/avif'];

/** Returns the URL of the photo with all its pixels, or `null` if a browser may not show its format. */
export function originalUrl(media: { content_type: string; urls: Pick<Media['urls'], 'file' | 'original'> }): string | null {
  return SHOWN_TYPES.includes(media.content_type) ? (media.urls.file ?? media.urls.original ?? null) : null;
}

/** Adds a size to an image URL of the server. */
export function sizedUrl(imageUrl: string, size: { w: number; h?: number; fit?: 'cover' | 'contain' }): string {
  const url = new URL(imageUrl, 'http://tutti.invalid');
  url.searchParams.set('w', String(size.w));
  if (size.h) url.searchParams.set('h', String(size.h));
  if (size.fit) url.searchParams.set('fit', size.fit);
  return url.pathname + url.search;
}

/** A `srcset` up to the picture's own width: a larger one has no more detail. */
export function srcset(imageUrl: string, ownWidth: number | null | undefined, maxWidth: number = Infinity): string {
  const limit = Math.min(ownWidth ?? Infinity, maxWidth);
  const widths = WIDTHS.filter((w, at) => w <= limit || (WIDTHS[at - 1] ?? 0) < limit);
  return widths.map((w) => `${sizedUrl(imageUrl, { w })} ${w}w`).join(', ');
}
