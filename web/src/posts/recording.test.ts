// Proves that a recording has a format that the browser makes, and a name that sorts by time.
import { expect, it } from 'vitest';
import { recordingFormat, recordingName } from './recording';

it('MP4 comes first, WebM where there is no other, and nothing where there is none', () => {
  expect(recordingFormat(() => true)).toMatch(/^video\/mp4/);
  expect(recordingFormat((format) => format.includes('webm'))).toBe('video/webm;codecs=vp9,opus');
  expect(recordingFormat(() => false)).toBeNull();
});

it('a recording is called by its time', () => {
  const time = new Date('2026-06-20T18:30:05Z');
  expect(recordingName('video/mp4', time)).toBe('2026-06-20 18-30-05.mp4');
  expect(recordingName('video/webm;codecs=vp9,opus', time)).toBe('2026-06-20 18-30-05.webm');
});
