// Owns the line of uploads of this tab: adding, starting, pausing, resuming after a reload, giving up.
// Does not own the bytes' way (tus.ts), the memory (uploadDb.ts) or the rules (uploadRecord.ts).
// Invariant: an upload is worked on by one tab only: the one that holds its lock.
import * as calls from '../api/media';
import { reasonOf } from '../api/problem';
import type { Visibility } from '../api/types';
import { mediaStore } from '../media/mediaStore.svelte';
import { fingerprintOf } from './fingerprint';
import type { Picked } from './pickedFiles';
import { afterReload, nextInLine, totals, type UploadRecord } from './uploadRecord';
import { send, terminate, type Sending } from './tus';
import * as store from './uploadDb';

const AT_ONCE = 2;
/** Answers about the file itself; a quota or a rate may look different tomorrow. */
const REFUSALS = [400, 413, 415, 422];

export class UploadItem {
  record = $state() as UploadRecord;
  /** Bytes a second, smoothed; 0 while nothing is known. */
  speed = $state(0);
  /** A handle whose reading the person must allow once more after a reload. */
  askFor = $state.raw<FileSystemFileHandle | null>(null);
  file: File | null = null;
  sending: Sending | null = null;
  release: (() => void) | null = null;
  #mark = { at: 0, sent: 0 };

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
    void store.saveRecord($state.snapshot(this.record));
  }

  progressed(sent: number): void {
    this.record.sent = sent;
    const now = performance.now();
    const passed = now - this.#mark.at;
    if (this.#mark.at === 0 || sent < this.#mark.sent) this.#mark = { at: now, sent };
    else if (passed > 500) {
      const speed = ((sent - this.#mark.sent) / passed) * 1000;
      this.speed = this.speed === 0 ? speed : this.speed * 0.7 + speed * 0.3;
      this.#mark = { at: now, sent };
    }
  }

  still(): void {
    this.speed = 0;
    this.#mark = { at: 0, sent: 0 };
  }
}

class Uploads {
  items = $state<UploadItem[]>([]);
  readonly totals = $derived(totals(this.items));
  readonly speed = $derived(this.items.reduce((sum, item) => sum + item.speed, 0));
  #account: string | null = null;
  #arrived = new Set<(mediaId: string) => void>();

  constructor() {
    addEventListener('online', () => this.#retryUnreachable());
  }

  /** Calls back with the id of every item that arrives in the library. */
  onArrival(heard: (mediaId: string) => void): () => void {
    this.#arrived.add(heard);
    return () => this.#arrived.delete(heard);
  }

  /** Brings back what an earlier load of the page left undone, for the member who is signed in now. */
  async open(account: string): Promise<void> {
    if (this.#account === account) return;
    this.#account = account;
    for (const record of await store.loadRecords()) {
      if (record.account !== account || this.items.some((item) => item.record.id === record.id)) continue;
      const release = await hold(record.id);
      if (release) await this.#restore(record, release);
    }
    this.#pump();
  }

  async close(): Promise<void> {
    this.#account = null;
    const items = this.items;
    this.items = [];
    for (const item of items) {
      await item.sending?.stop();
      item.release?.();
    }
  }

  async add(picked: Picked[], tags: string[], visibility: Visibility): Promise<void> {
    const account = this.#account;
    if (account === null) return;
    for (const [at, { file, handle }] of picked.entries()) {
      const id = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');
      let fingerprint: string;
      try {
        fingerprint = await fingerprintOf(file);
      } catch {
        fingerprint = 'unreadable';
      }
      const item = new UploadItem({
        id, account, name: file.name, type: file.type, bytes: file.size, fingerprint, tags, visibility,
        addedAt: Date.now() + at / 10_000, uploadUrl: null, sent: 0, state: 'waiting', mediaId: null, reason: null, refused: false,
      });
      item.file = file;
      item.release = await hold(id);
      this.items.push(item);
      if (fingerprint === 'unreadable') {
        item.change({ state: 'failed', reason: 'This file can’t be read. Is it a folder, or was it moved?', refused: true });
        continue;
      }
      item.change({});
      void store.saveFile(id, file, handle);
      this.#pump();
    }
  }

  pause(item: UploadItem): void {
    void item.sending?.stop();
    item.sending = null;
    item.still();
    item.change({ state: 'paused' });
    this.#pump();
  }

  /** Goes on with what was paused, refused or lost its file. Must be called from a click: a handle may need one. */
  async resume(item: UploadItem): Promise<void> {
    if (!item.file && item.askFor) {
      try {
        await (item.askFor as Askable).requestPermission({ mode: 'read' });
        item.file = await item.askFor.getFile();
      } catch {
        item.askFor = null;
      }
    }
    item.change({ state: item.file ? 'waiting' : 'needs-file', reason: null });
    this.#pump();
  }

  /** Takes the file that the person picked again; resumes only with the very same bytes. */
  async provide(item: UploadItem, file: File): Promise<void> {
    if ((await fingerprintOf(file)) !== item.record.fingerprint) {
      item.change({ reason: `That is another file. Pick “${item.record.name}” to go on where it stopped.` });
      return;
    }
    item.file = file;
    item.askFor = null;
    void store.saveFile(item.record.id, file, null);
    item.change({ state: 'waiting', reason: null });
    this.#pump();
  }

  /** Removes it from the list; what is not finished is taken back from the server too. */
  async dismiss(item: UploadItem): Promise<void> {
    const { id, uploadUrl, state } = item.record;
    await item.sending?.stop();
    item.sending = null;
    this.items = this.items.filter((other) => other !== item);
    await store.drop(id);
    item.release?.();
    if (uploadUrl && state !== 'done') await terminate(uploadUrl);
    this.#pump();
  }

  clearFinished(): void {
    for (const item of this.items.filter((one) => one.state === 'done')) void this.dismiss(item);
  }

  async #restore(record: UploadRecord, release: () => void): Promise<void> {
    const kept = await store.loadFile(record.id);
    let file: File | null = kept instanceof File ? kept : null;
    const handle = kept && !(kept instanceof File) ? kept : null;
    if (handle && (await (handle as Askable).queryPermission({ mode: 'read' })) === 'granted') {
      file = await handle.getFile().catch(() => null);
    }
    // Nothing is left to do for these; the reason was shown when it was news.
    if (record.state === 'done' || record.refused) {
      await store.drop(record.id);
      release();
      return;
    }
    const item = new UploadItem(afterReload(record, file !== null));
    item.file = file;
    item.askFor = file ? null : handle;
    item.release = release;
    this.items.push(item);
  }

  #pump(): void {
    for (const item of nextInLine(this.items, AT_ONCE)) void this.#start(item);
  }

  async #start(item: UploadItem): Promise<void> {
    const file = item.file;
    if (!file) return item.change({ state: 'needs-file' });
    item.change({ state: 'sending', reason: null });
    const { name, type, tags, visibility, uploadUrl } = $state.snapshot(item.record);
    const mine = (): boolean => item.state === 'sending' && this.items.includes(item);
    try {
      const sending = await send({
        file, name, type, tags, visibility, uploadUrl,
        opened: (url) => item.change({ uploadUrl: url }),
        progressed: (sent) => mine() && item.progressed(sent),
        finished: (mediaId) => void this.#finish(item, mediaId),
        failed: (problem) => {
          if (!mine()) return;
          item.sending = null;
          item.still();
          item.change({ state: 'failed', reason: problem.detail, refused: REFUSALS.includes(problem.status) });
          this.#pump();
        },
      });
      if (mine()) item.sending = sending;
      else await sending.stop();
    } catch (error) {
      item.change({ state: 'failed', reason: reasonOf(error) });
      this.#pump();
    }
  }

  async #finish(item: UploadItem, mediaId: string | null): Promise<void> {
    item.sending = null;
    item.still();
    item.change({ state: 'done', sent: item.record.bytes, mediaId });
    void store.dropFile(item.record.id);
    this.#pump();
    if (!mediaId) return;
    try {
      mediaStore.put(await calls.get(mediaId));
      for (const heard of this.#arrived) heard(mediaId);
    } catch {
      // It is in the library all the same; the list shows it when it is next asked for.
    }
  }

  #retryUnreachable(): void {
    for (const item of this.items) {
      if (item.state === 'failed' && item.file && item.record.reason?.startsWith('Tutti can’t be reached')) item.change({ state: 'waiting', reason: null });
    }
    this.#pump();
  }
}

type Askable = FileSystemFileHandle & {
  queryPermission(options: { mode: 'read' }): Promise<PermissionState>;
  requestPermission(options: { mode: 'read' }): Promise<PermissionState>;
};

/** Takes an upload's lock for as long as this tab lives, or `null` where another tab has it. */
function hold(id: string): Promise<(() => void) | null> {
  if (!('locks' in navigator)) return Promise.resolve(() => undefined);
  return new Promise((resolve) => {
    void navigator.locks.request(`tutti.upload.${id}`, { ifAvailable: true }, (lock) => {
      if (!lock) return resolve(null);
      return new Promise<void>((release) => resolve(release));
    });
  });
}

export const uploads = new Uploads();
