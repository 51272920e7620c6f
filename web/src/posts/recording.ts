// Owns which format a recording of the camera has, and how its file is called. Uses no browser API, so it is tested alone.

/** The formats that the page asks for, the one that converts fastest first. */
const FORMATS = ['video/mp4;codecs=avc1,mp4a.40.2', 'video/mp4', 'video/webm;codecs=vp9,opus', 'video/webm'];

/** Longer clips are rather recorded with the camera's own app, and uploaded. */
export const MAX_SECONDS = 180;

/** Returns the first format that the browser records, or `null`. */
export const recordingFormat = (isSupported: (format: string) => boolean): string | null => FORMATS.find(isSupported) ?? null;

/** Returns the name of a recording's file: when it was made, and its kind. */
export function recordingName(format: string, time: Date): string {
  const stamp = time.toISOString().slice(0, 19).replaceAll(':', '-').replace('T', ' ');
  return `${stamp}.${format.startsWith('video/mp4') ? 'mp4' : 'webm'}`;
}
