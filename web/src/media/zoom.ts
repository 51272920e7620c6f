// Owns the geometry of a zoomed photo: how large it is, how far it may be moved, and which rendition is sharp enough.
// Uses no browser API, so it is tested alone. Lengths are CSS pixels; a scale is CSS pixels per pixel of the original.
// Invariant: a view that this file returns shows the photo: a side that is smaller than the frame is centred in it, and a
// larger side covers it.

export interface Size {
  width: number;
  height: number;
}

export interface Point {
  x: number;
  y: number;
}

/** What is shown: the scale, and how far the photo's centre is from the frame's. */
export interface View extends Point {
  scale: number;
}

/** How far one step of the keyboard or a button zooms, and pans in parts of the frame. */
export const ZOOM_STEP = 1.5;
export const PAN_STEP = 0.2;

/** The scale at which the whole photo just fits. */
export const fitScale = (photo: Size, frame: Size): number => Math.min(frame.width / photo.width, frame.height / photo.height);

/** Twice the original's pixels, or four times the fitting scale if that is more. */
export const maxScale = (photo: Size, frame: Size): number => Math.max(2, 4 * fitScale(photo, frame));

export const fitView = (photo: Size, frame: Size): View => ({ scale: fitScale(photo, frame), x: 0, y: 0 });

export const isZoomed = (view: View, photo: Size, frame: Size): boolean => view.scale > fitScale(photo, frame) * 1.001;

/** Returns the nearest view that the limits allow. */
export function clampView(view: View, photo: Size, frame: Size): View {
  const scale = Math.min(maxScale(photo, frame), Math.max(fitScale(photo, frame), view.scale));
  const clampAxis = (offset: number, photoSide: number, frameSide: number): number => {
    const room = Math.max(0, (photoSide * scale - frameSide) / 2);
    return Math.min(room, Math.max(-room, offset)) || 0;
  };
  return { scale, x: clampAxis(view.x, photo.width, frame.width), y: clampAxis(view.y, photo.height, frame.height) };
}

/** Zooms by `factor`; the point of the photo that is under `at` (from the frame's centre) stays there. */
export function zoomAt(view: View, factor: number, at: Point, photo: Size, frame: Size): View {
  const scale = clampView({ ...view, scale: view.scale * factor }, photo, frame).scale;
  const ratio = scale / view.scale;
  return clampView({ scale, x: at.x - (at.x - view.x) * ratio, y: at.y - (at.y - view.y) * ratio }, photo, frame);
}

export const panBy = (view: View, by: Point, photo: Size, frame: Size): View => clampView({ ...view, x: view.x + by.x, y: view.y + by.y }, photo, frame);

/** Double tap: from the whole photo to the original's pixels, or to twice the size if it is small; from anywhere else back. */
export function toggleZoom(view: View, at: Point, photo: Size, frame: Size): View {
  if (isZoomed(view, photo, frame)) return fitView(photo, frame);
  return zoomAt(view, Math.max(1, view.scale * 2) / view.scale, at, photo, frame);
}

/** Two fingers: the photo follows their middle, and zooms with their distance. `from` and `to` are from the frame's centre. */
export function pinch(view: View, from: readonly [Point, Point], to: readonly [Point, Point], photo: Size, frame: Size): View {
  const distance = ([a, b]: readonly [Point, Point]): number => Math.max(1, Math.hypot(a.x - b.x, a.y - b.y));
  const middle = ([a, b]: readonly [Point, Point]): Point => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
  const [start, end] = [middle(from), middle(to)];
  const moved = { ...view, x: view.x + end.x - start.x, y: view.y + end.y - start.y };
  return zoomAt(moved, distance(to) / distance(from), end, photo, frame);
}

/** The factor of one wheel event; a trackpad's pinch arrives as small steps with the control key. */
export function wheelFactor(event: { deltaY: number; deltaMode: number; ctrlKey: boolean }): number {
  const px = event.deltaY * (event.deltaMode === 0 ? 1 : event.deltaMode === 1 ? 16 : 400);
  return Math.exp(-Math.max(-300, Math.min(300, px)) * (event.ctrlKey ? 0.01 : 0.002));
}

/** The longest side of the largest rendition that the server makes, in pixels. */
const MAX_RENDITION_PX = 2560;

/** How many pixels wide the rendition is that is requested with a width: less than that for a tall photo. */
export const renditionPixels = (width: number, photo: Size): number =>
  Math.min(width, photo.width * Math.min(1, MAX_RENDITION_PX / Math.max(photo.width, photo.height)));

/** Returns the width to request for a view, or `null` if only the original has enough pixels. */
export function renditionWidth(view: View, pixelRatio: number, photo: Size, widths: readonly number[]): number | null {
  const needed = Math.min(photo.width, Math.ceil(view.scale * pixelRatio * photo.width));
  if (needed > renditionPixels(Infinity, photo) + 1) return null;
  return widths.find((width) => width >= needed) ?? widths.at(-1) ?? null;
}
