// Proves the geometry of a zoomed photo, also of very tall and very wide ones.
import { describe, expect, it } from 'vitest';
import { clampView, fitScale, fitView, maxScale, panBy, pinch, renditionPixels, renditionWidth, toggleZoom, wheelFactor, zoomAt, type Point, type Size, type View } from './zoom';

const frame = { width: 1000, height: 800 };
const photo = { width: 4000, height: 3000 };
const tall = { width: 500, height: 20_000 };
const wide = { width: 30_000, height: 400 };
const small = { width: 100, height: 100 };

/** The point of the photo, in its own pixels from its centre, that is shown at a point of the frame. */
const under = (view: View, at: Point): Point => ({ x: (at.x - view.x) / view.scale, y: (at.y - view.y) / view.scale });

it('the whole photo fits at first', () => {
  for (const one of [photo, tall, wide, small]) {
    const { scale } = fitView(one, frame);
    expect(one.width * scale).toBeLessThanOrEqual(frame.width + 1e-9);
    expect(one.height * scale).toBeLessThanOrEqual(frame.height + 1e-9);
    expect(Math.max((one.width * scale) / frame.width, (one.height * scale) / frame.height)).toBeCloseTo(1);
  }
});

it('every photo can be zoomed to its own pixels, and every one beyond its fitting size', () => {
  for (const one of [photo, tall, wide, small]) {
    expect(maxScale(one, frame)).toBeGreaterThanOrEqual(1);
    expect(zoomAt(fitView(one, frame), 1000, { x: 0, y: 0 }, one, frame).scale).toBe(maxScale(one, frame));
    expect(maxScale(one, frame)).toBeGreaterThan(fitScale(one, frame) * 3);
  }
});

it('what is under the cursor stays there', () => {
  const view = panBy(zoomAt(fitView(photo, frame), 3, { x: 0, y: 0 }, photo, frame), { x: 120, y: -80 }, photo, frame);
  for (const at of [{ x: 0, y: 0 }, { x: 200, y: -100 }, { x: -310, y: 250 }]) {
    const zoomed = zoomAt(view, 1.4, at, photo, frame);
    expect(under(zoomed, at).x).toBeCloseTo(under(view, at).x);
    expect(under(zoomed, at).y).toBeCloseTo(under(view, at).y);
  }
});

it('the photo cannot be moved out of the frame, nor off the centre where it is smaller', () => {
  const view = clampView({ scale: 1, x: 1e6, y: -1e6 }, photo, frame);
  expect(view).toEqual({ scale: 1, x: (4000 - 1000) / 2, y: -(3000 - 800) / 2 });
  expect(clampView({ scale: 1, x: 50, y: 1e6 }, tall, frame)).toEqual({ scale: 1, x: 0, y: (20_000 - 800) / 2 });
  expect(panBy(fitView(wide, frame), { x: 40, y: 40 }, wide, frame)).toEqual(fitView(wide, frame));
});

it('zooming out ends at the whole photo, centred', () => {
  const view = panBy(zoomAt(fitView(tall, frame), 50, { x: 0, y: 0 }, tall, frame), { x: 10, y: 4000 }, tall, frame);
  expect(zoomAt(view, 1e-6, { x: 300, y: 300 }, tall, frame)).toEqual(fitView(tall, frame));
});

describe('double tap', () => {
  it('shows the pixels of a large photo, and goes back', () => {
    for (const one of [photo, tall, wide]) {
      const zoomed = toggleZoom(fitView(one, frame), { x: 0, y: 0 }, one, frame);
      expect(zoomed.scale).toBeCloseTo(1);
      expect(toggleZoom(zoomed, { x: 9, y: 9 }, one, frame)).toEqual(fitView(one, frame));
    }
  });

  it('doubles a small one', () => {
    expect(toggleZoom(fitView(small, frame), { x: 0, y: 0 }, small, frame).scale).toBe(16);
  });
});

it('two fingers zoom by their distance and move by their middle', () => {
  const start = zoomAt(fitView(photo, frame), 4, { x: 0, y: 0 }, photo, frame);
  const view = pinch(start, [{ x: -50, y: 0 }, { x: 50, y: 0 }], [{ x: -70, y: 30 }, { x: 130, y: 30 }], photo, frame);
  expect(view.scale).toBe(start.scale * 2);
  expect(under(view, { x: 30, y: 30 })).toEqual(under(start, { x: 0, y: 0 }));
  expect(pinch(start, [{ x: 5, y: 5 }, { x: 5, y: 5 }], [{ x: 5, y: 5 }, { x: 5, y: 5 }], photo, frame)).toEqual(start);
});

it('a wheel zooms in both directions alike, in every unit, and no event jumps', () => {
  expect(wheelFactor({ deltaY: -100, deltaMode: 0, ctrlKey: false }) * wheelFactor({ deltaY: 100, deltaMode: 0, ctrlKey: false })).toBeCloseTo(1);
  expect(wheelFactor({ deltaY: -3, deltaMode: 1, ctrlKey: false })).toBeCloseTo(wheelFactor({ deltaY: -48, deltaMode: 0, ctrlKey: false }));
  expect(wheelFactor({ deltaY: -1e9, deltaMode: 2, ctrlKey: false })).toBeLessThan(2);
});

describe('the rendition', () => {
  const widths = [320, 640, 960, 1280, 1920, 2560];
  const width = (one: Size, scale: number, ratio = 1): number | null => renditionWidth({ scale, x: 0, y: 0 }, ratio, one, widths);

  it('has at least the pixels of the screen', () => {
    expect(width(photo, fitScale(photo, frame))).toBe(1280);
    expect(width(photo, fitScale(photo, frame), 2)).toBe(2560);
    expect(width(small, 8, 3)).toBe(320);
  });

  it('is the original where no rendition is enough, which is early for tall and wide photos', () => {
    expect(width(photo, 1)).toBeNull();
    expect(width({ width: 2400, height: 1600 }, 2)).toBe(2560);
    // The longest side of a rendition is 2560, so this one is 64 wide.
    expect(width(tall, 0.2)).toBeNull();
    expect(renditionPixels(2560, tall)).toBe(64);
    expect(renditionPixels(320, photo)).toBe(320);
    expect(width(tall, fitScale(tall, frame))).toBe(320);
    expect(width(wide, 0.1)).toBeNull();
  });
});
