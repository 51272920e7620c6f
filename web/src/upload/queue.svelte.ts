// Owns the upload queue of this tab: adding, starting, pausing, resuming after a reload, cancelling.
// Does not own sending (tus.ts), storage (uploadDb.ts) or the rules (uploadRecord.ts).
// Invariant: only the tab that holds an upload's lock sends it.
import m from '#messages/upload';
import { newKey } from '../api/creations';
import * as calls from '../api/media';
import { errorMessage, Problem } from '../api/problem';
import { isAway, isDeclined, Retrier } from '../api/retrier';
import type { Visibility } from '../api/types';
import { mediaStore } from '../media/mediaStore.svelte';
import { session } from '../session/session.svelte';
import { fingerprintOf } from './fingerprint';
import type { PickedFile } from './pickedFiles';
import { nextToStart, restoreRecord, sumUploads, type UploadRecord } from './uploadRecord';
import { send, terminate, type RunningUpload } from './tus';
import * as uploadDb from './uploadDb';

const MAX_CONCURRENT = 2;
/** Statuses that concern the file itself. A quota or a rate limit is not final. */
const PERMANENT_FAILURE_STATUSES = [400, 413, 415, 422];

export class UploadItem {
  record = $state() as UploadRecord;
  /** Bytes per second, smoothed; 0 while unknown. */
  speed = $state(0);
  /** A handle that the member must allow the page to read again after a reload. */
  handleToAllow = $state.raw<FileSystemFileHandle | null>(null);
  file: File | null = null;
  sending: RunningUpload | null = null;
  releaseLock: (() => void) | null = null;
  #sample = { at: 0, sent: 0 };

  constructor(record: UploadRecord) {
    this.record = record;
  }

  get state(): UploadRecord['state'] {
    return this.record.state;
  }
  get bytes(): number {
    return this.record.bytes;
  }
  get sent(): number {
    return this.record.sent;
  }
  get addedAt(): number {
    return this.record.addedAt;
  }

  change(part: Partial<UploadRecord>): void {
    Object.assign(this.record, part);
    void uploadDb.saveRecord($state.snapshot(this.record));
  }

  setProgress(sent: number): void {
    this.record.sent = sent;
    const now = performance.now();
    const passed = now - this.#sample.at;
    if (this.#sample.at === 0 || sent < this.#sample.sent) this.#sample = { at: now, sent };
    else if (passed > 500) {
      const speed = ((sent - this.#sample.sent) / passed) * 1000;
      this.speed = this.speed === 0 ? speed : this.speed * 0.7 + speed * 0.3;
      this.#sample = { at: now, sent };
    }
  }

  resetSpeed(): void {
    this.speed = 0;
    this.#sample = { at: 0, sent: 0 };
  }
}

class Uploads {
  items = $state<UploadItem[]>([]);
  readonly totals = $derived(sumUploads(this.items));
  readonly speed = $derived(this.items.reduce((sum, item) => sum + item.speed, 0));
  /** Whether uploads wait because the server is away; they go on by themselves. */
  serverAway = $state(false);
  /** What the server says about that, if it does not merely fail to respond: operators can switch uploads off. */
  awayProblem = $state.raw<Problem | null>(null);
  #retrier = new Retrier(() => this.#retry());
  #account: string | null = null;
  #arrivedListeners = new Set<(mediaId: string) => void>();

  constructor() {
    session.onChange((memberId) => void this.#switchAccount(memberId));
  }

  /** Calls the listener with the id of every item that arrives in the library. Returns the function that removes it. */
  onArrived(listener: (mediaId: string) => void): () => void {
    this.#arrivedListeners.add(listener);
    return () => this.#arrivedListeners.delete(listener);
  }

  /** Restores the unfinished uploads of a member from an earlier load of the page. */
  async #open(account: string): Promise<void> {
    for (const record of await uploadDb.loadRecords()) {
      if (record.account !== account || this.items.some((item) => item.record.id === record.id)) continue;
      const releaseLock = await acquireLock(record.id);
      if (this.#account !== account) return releaseLock?.();
      if (releaseLock) await this.#restore(record, releaseLock);
    }
    this.#startNext();
  }

  /** Stops the uploads of the member who signed out; their records stay in the browser. */
  async #switchAccount(account: string | null): Promise<void> {
    this.#account = account;
    const items = this.items;
    this.items = [];
    this.#serverIsBack();
    for (const item of items) {
      await item.sending?.stop();
      item.releaseLock?.();
    }
    if (account !== null && this.#account === account) await this.#open(account);
  }

  /** Adds files. Returns the ids of their uploads, in order. */
  async add(picked: PickedFile[], tags: string[], visibility: Visibility): Promise<string[]> {
    const account = this.#account;
    const ids: string[] = [];
    if (account === null) return ids;
    for (const [at, { file, handle }] of picked.entries()) {
      const id = newKey();
      ids.push(id);
      let fingerprint: string;
      try {
        fingerprint = await fingerprintOf(file);
      } catch {
        fingerprint = 'unreadable';
      }
      const item = new UploadItem({
        id, account, name: file.name, type: file.type, bytes: file.size, fingerprint, tags, visibility,
        addedAt: Date.now() + at / 10_000, creationKey: newKey(), uploadUrl: null, sent: 0, state: 'waiting', mediaId: null, reason: null, refused: false,
      });
      item.file = file;
      item.releaseLock = await acquireLock(id);
      this.items.push(item);
      if (fingerprint === 'unreadable') {
        item.change({ state: 'failed', reason: m.fileUnreadable(), refused: true });
        continue;
      }
      item.change({});
      void uploadDb.saveFile(id, file, handle);
      this.#startNext();
    }
    return ids;
  }

  pause(item: UploadItem): void {
    void item.sending?.stop();
    item.sending = null;
    item.resetSpeed();
    item.change({ state: 'paused' });
    this.#startNext();
  }

  /** Resumes an upload that was paused, failed or lost its file. Must be called from a click: a handle may need one. */
  async resume(item: UploadItem): Promise<void> {
    if (!item.file && item.handleToAllow) {
      try {
        await (item.handleToAllow as HandleWithPermission).requestPermission({ mode: 'read' });
        item.file = await item.handleToAllow.getFile();
      } catch {
        item.handleToAllow = null;
      }
    }
    item.change({ state: item.file ? 'waiting' : 'needs-file', reason: null });
    this.#startNext();
  }

  /** Takes the file that the member chose again; resumes only if it has the same bytes. */
  async provideFile(item: UploadItem, file: File): Promise<void> {
    if ((await fingerprintOf(file)) !== item.record.fingerprint) {
      item.change({ reason: m.differentFile({ name: item.record.name }) });
      return;
    }
    item.file = file;
    item.handleToAllow = null;
    void uploadDb.saveFile(item.record.id, file, null);
    item.change({ state: 'waiting', reason: null });
    this.#startNext();
  }

  /** Removes an upload from the list, and an unfinished one also from the server. */
  async dismiss(item: UploadItem): Promise<void> {
    const { id, uploadUrl, state } = item.record;
    await item.sending?.stop();
    item.sending = null;
    this.items = this.items.filter((other) => other !== item);
    await uploadDb.remove(id);
    item.releaseLock?.();
    if (uploadUrl && state !== 'done') await terminate(uploadUrl);
    this.#startNext();
  }

  clearFinished(): void {
    for (const item of this.items.filter((one) => one.state === 'done')) void this.dismiss(item);
  }

  async #restore(record: UploadRecord, releaseLock: () => void): Promise<void> {
    const stored = await uploadDb.loadFile(record.id);
    let file: File | null = stored instanceof File ? stored : null;
    const handle = stored && !(stored instanceof File) ? stored : null;
    if (handle && (await (handle as HandleWithPermission).queryPermission({ mode: 'read' })) === 'granted') {
      file = await handle.getFile().catch(() => null);
    }
    // These are final; the reason was shown when they failed.
    if (record.state === 'done' || record.refused) {
      await uploadDb.remove(record.id);
      releaseLock();
      return;
    }
    const item = new UploadItem(restoreRecord(record, file !== null));
    item.file = file;
    item.handleToAllow = file ? null : handle;
    item.releaseLock = releaseLock;
    this.items.push(item);
  }

  /** Starts what may start. While the server is away, the retrier does that. */
  #startNext(): void {
    if (this.serverAway) return this.#retrier.failed();
    for (const item of nextToStart(this.items, MAX_CONCURRENT)) void this.#start(item);
  }

  #retry(): void {
    const next = nextToStart(this.items, MAX_CONCURRENT);
    // All were paused or removed meanwhile.
    if (next.length === 0 && !this.items.some((item) => item.state === 'sending')) return this.#serverIsBack();
    for (const item of next) void this.#start(item);
  }

  async #start(item: UploadItem): Promise<void> {
    const file = item.file;
    if (!file) return item.change({ state: 'needs-file' });
    item.change({ state: 'sending', reason: null });
    const { name, type, tags, visibility, uploadUrl } = $state.snapshot(item.record);
    const isCurrent = (): boolean => item.state === 'sending' && this.items.includes(item);
    try {
      const sending = await send({
        file, name, type, tags, visibility, uploadUrl,
        creationKey: () => item.record.creationKey,
        onUrl: (url) => {
          this.#serverIsBack();
          // Should the server have to create it once more, that is another upload.
          item.change({ uploadUrl: url, creationKey: newKey() });
        },
        onProgress: (sent) => isCurrent() && item.setProgress(sent),
        onAccepted: () => this.#serverIsBack(),
        onFinished: (mediaId) => void this.#finish(item, mediaId),
        onFailed: (problem) => {
          if (isCurrent()) this.#fail(item, problem);
        },
      });
      if (isCurrent()) item.sending = sending;
      else await sending.stop();
    } catch (error) {
      if (isCurrent()) this.#fail(item, error);
    }
  }

  #fail(item: UploadItem, error: unknown): void {
    item.sending = null;
    item.resetSpeed();
    if (isAway(error)) {
      this.serverAway = true;
      this.awayProblem = isDeclined(error) ? error : null;
      item.change({ state: 'waiting', reason: null });
      this.#retrier.failed();
      return;
    }
    const refused = error instanceof Problem && PERMANENT_FAILURE_STATUSES.includes(error.status);
    // The key may be one that the server has done with; after a fault the outcome is unknown, so it stays.
    const creationKey = error instanceof Problem && error.status < 500 ? newKey() : item.record.creationKey;
    item.change({ state: 'failed', reason: errorMessage(error), refused, creationKey });
    this.#startNext();
  }

  #serverIsBack(): void {
    if (!this.serverAway) return;
    this.serverAway = false;
    this.awayProblem = null;
    this.#retrier.stop();
    this.#startNext();
  }

  async #finish(item: UploadItem, mediaId: string | null): Promise<void> {
    item.sending = null;
    this.#serverIsBack();
    item.resetSpeed();
    item.change({ state: 'done', sent: item.record.bytes, mediaId });
    void uploadDb.removeFile(item.record.id);
    this.#startNext();
    if (!mediaId) return;
    try {
      mediaStore.put(await calls.get(mediaId));
      for (const listener of this.#arrivedListeners) listener(mediaId);
    } catch {
      // The item is in the library; the list shows it at its next load.
    }
  }
}

type HandleWithPermission = FileSystemFileHandle & {
  queryPermission(options: { mode: 'read' }): Promise<PermissionState>;
  requestPermission(options: { mode: 'read' }): Promise<PermissionState>;
};

/** Takes an upload's lock until this tab closes. Returns the function that releases it, or `null` if another tab holds it. */
function acquireLock(id: string): Promise<(() => void) | null> {
  if (!('locks' in navigator)) return Promise.resolve(() => undefined);
  return new Promise((resolve) => {
    void navigator.locks.request(`tutti.upload.${id}`, { ifAvailable: true }, (lock) => {
      if (!lock) return resolve(null);
      return new Promise<void>((releaseLock) => resolve(releaseLock));
    });
  });
}

export const uploads = new Uploads();
