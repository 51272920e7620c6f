// Owns what is stored about one upload, and the rules for its next state. Uses no browser API, so it is tested alone.
// Invariant: `uploadUrl` always belongs to the same file; a file that is chosen again must have the same fingerprint.
import type { Visibility } from '../api/types';

export type UploadState =
  /** Queued. */
  | 'waiting'
  | 'sending'
  /** The member paused it. */
  | 'paused'
  /** A reload lost the file; the member must choose it again or allow the page to read it. */
  | 'needs-file'
  /** Refused, or the server could not be reached. */
  | 'failed'
  | 'done';

/** What survives a reload. */
export interface UploadRecord {
  id: string;
  account: string;
  name: string;
  type: string;
  bytes: number;
  fingerprint: string;
  tags: string[];
  visibility: Visibility;
  addedAt: number;
  /** The `Idempotency-Key` of the request that creates the upload: sent again after its response was lost, it creates no second one. */
  creationKey: string;
  uploadUrl: string | null;
  sent: number;
  state: UploadState;
  mediaId: string | null;
  reason: string | null;
  /** Whether the server refuses this file for good. */
  refused: boolean;
}

/** What an older page has stored: without a key. */
export type StoredRecord = Omit<UploadRecord, 'creationKey'> & Partial<Pick<UploadRecord, 'creationKey'>>;

/** Returns the state of a record after a reload of the page. */
export function restoreRecord(stored: StoredRecord, hasFile: boolean): UploadRecord {
  const record = { ...stored, creationKey: stored.creationKey ?? stored.id };
  if (record.state === 'done' || record.state === 'failed') return hasFile || record.state === 'done' ? record : { ...record, state: 'needs-file' };
  if (!hasFile) return { ...record, state: 'needs-file' };
  return record.state === 'paused' ? record : { ...record, state: 'waiting' };
}

/** Returns the uploads to start now: the oldest waiting ones, while fewer than `limit` are being sent. */
export function nextToStart<T extends { state: UploadState; addedAt: number }>(all: readonly T[], limit: number): T[] {
  const free = limit - all.filter((one) => one.state === 'sending').length;
  if (free <= 0) return [];
  return all
    .filter((one) => one.state === 'waiting')
    .sort((a, b) => a.addedAt - b.addedAt)
    .slice(0, free);
}

export interface Totals {
  /** Uploads that are not finished. */
  open: number;
  sending: number;
  done: number;
  failed: number;
  bytes: number;
  sent: number;
}

export function sumUploads(all: readonly { state: UploadState; bytes: number; sent: number }[]): Totals {
  const totals: Totals = { open: 0, sending: 0, done: 0, failed: 0, bytes: 0, sent: 0 };
  for (const one of all) {
    if (one.state === 'done') totals.done += 1;
    else if (one.state === 'failed') totals.failed += 1;
    else totals.open += 1;
    if (one.state === 'sending') totals.sending += 1;
    if (one.state !== 'failed') {
      totals.bytes += one.bytes;
      totals.sent += one.state === 'done' ? one.bytes : one.sent;
    }
  }
  return totals;
}
