// Proves the rules of the upload queue.
import { describe, expect, it } from 'vitest';
import { nextToStart, restoreRecord, sumUploads, type UploadRecord, type UploadState } from './uploadRecord';

const record = (state: UploadState, addedAt = 0): UploadRecord => ({
  id: `u${addedAt}`, account: 'a', name: 'clip.mp4', type: 'video/mp4', bytes: 1000, fingerprint: 'f', tags: [],
  visibility: 'private', addedAt, creationKey: 'k', uploadUrl: '/v1/uploads/1', sent: 400, state, mediaId: null, reason: null, refused: false,
});

describe('after a reload', () => {
  it('continues by itself if the file was stored', () => {
    expect(restoreRecord(record('sending'), true).state).toBe('waiting');
    expect(restoreRecord(record('waiting'), true).state).toBe('waiting');
    expect(restoreRecord(record('needs-file'), true).state).toBe('waiting');
  });

  it('asks for the file if it was not, and keeps the URL to resume at', () => {
    const asked = restoreRecord(record('sending'), false);
    expect(asked.state).toBe('needs-file');
    expect([asked.uploadUrl, asked.sent]).toEqual(['/v1/uploads/1', 400]);
    expect(restoreRecord(record('failed'), false).state).toBe('needs-file');
  });

  it('keeps the key of its creation; what an older page has stored gets one that stays', () => {
    expect(restoreRecord(record('sending'), true).creationKey).toBe('k');
    const { creationKey: _, ...older } = record('sending', 7);
    expect([restoreRecord(older, true), restoreRecord(older, false)].map(({ creationKey }) => creationKey)).toEqual(['u7', 'u7']);
  });

  it('leaves paused and finished uploads alone', () => {
    expect(restoreRecord(record('paused'), true).state).toBe('paused');
    expect(restoreRecord(record('done'), false).state).toBe('done');
  });
});

describe('the queue', () => {
  it('starts the oldest first and never more than allowed', () => {
    const all = [record('waiting', 3), record('sending', 0), record('waiting', 2), record('paused', 1)];
    expect(nextToStart(all, 2).map((one) => one.addedAt)).toEqual([2]);
    expect(nextToStart(all, 1)).toEqual([]);
    expect(nextToStart(all, 9).map((one) => one.addedAt)).toEqual([2, 3]);
  });
});

it('sums up without what was refused', () => {
  const totals = sumUploads([record('sending'), record('failed'), record('done'), record('paused')]);
  expect(totals).toEqual({ open: 2, sending: 1, done: 1, failed: 1, bytes: 3000, sent: 1800 });
});
