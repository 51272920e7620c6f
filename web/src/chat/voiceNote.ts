// Owns which format a voice note has, and how its file is called. Uses no browser API, so it is tested alone.

/** The formats that the page asks for, the one that converts fastest first. */
const FORMATS = ['audio/mp4;codecs=mp4a.40.2', 'audio/mp4', 'audio/webm;codecs=opus', 'audio/webm', 'audio/ogg;codecs=opus'];
const EXTENSIONS: Record<string, string> = { 'audio/mp4': 'm4a', 'audio/webm': 'webm', 'audio/ogg': 'ogg' };

/** Longer ones are rather recorded elsewhere, and uploaded. */
export const MAX_SECONDS = 300;

/** Returns the first format that the browser records, or `null`. */
export const voiceFormat = (isSupported: (format: string) => boolean): string | null => FORMATS.find(isSupported) ?? null;

/** The type of a file in a format. */
export const fileType = (format: string): string => format.split(';')[0] ?? format;

/** Returns the name of a voice note's file: when it was made, and its kind. */
export function voiceName(format: string, time: Date): string {
  const stamp = time.toISOString().slice(0, 19).replaceAll(':', '-').replace('T', ' ');
  return `${stamp}.${EXTENSIONS[fileType(format)] ?? 'webm'}`;
}
