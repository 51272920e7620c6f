// Owns what the browser stores about uploads (IndexedDB): the records, and for each the file itself or a handle to it.
// Does not own their meaning: uploadRecord.ts does. Invariant: no failure here stops an upload. A private window may store
// nothing; then a reload loses the queue, and nothing else changes.
import type { UploadRecord } from './uploadRecord';

/** Files up to this size are copied into the browser's storage, so that uploads continue by themselves after a reload. */
const MAX_COPY_BYTES = 256 * 1024 * 1024;

export type StoredFile = File | FileSystemFileHandle;

let opening: Promise<IDBDatabase> | null = null;

function database(): Promise<IDBDatabase> {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open('tutti', 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore('uploads', { keyPath: 'id' });
      request.result.createObjectStore('files');
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('no storage'));
  });
  return opening;
}

function run<T>(store: string, mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  return database().then(
    (db) =>
      new Promise((resolve, reject) => {
        const transaction = db.transaction(store, mode);
        const request = work(transaction.objectStore(store));
        transaction.oncomplete = () => resolve(request.result);
        transaction.onabort = () => reject(transaction.error ?? new Error('not stored'));
      }),
  );
}

const withFallback = <T>(work: Promise<T>, instead: T): Promise<T> => work.catch(() => instead);

export const saveRecord = (record: UploadRecord): Promise<unknown> =>
  withFallback(run('uploads', 'readwrite', (store) => store.put(record)), undefined as unknown);

export const loadRecords = (): Promise<UploadRecord[]> =>
  withFallback(run<UploadRecord[]>('uploads', 'readonly', (store) => store.getAll() as IDBRequest<UploadRecord[]>), []);

/** Stores what is needed to read the file after a reload: a copy if it fits, else a handle. */
export async function saveFile(id: string, file: File, handle: FileSystemFileHandle | null): Promise<boolean> {
  const copy = file.size <= MAX_COPY_BYTES && (await hasSpaceFor(file.size));
  const stored: StoredFile | null = copy ? file : handle;
  if (!stored) return false;
  return withFallback(
    run('files', 'readwrite', (store) => store.put(stored, id)).then(() => true),
    false,
  );
}

export const loadFile = (id: string): Promise<StoredFile | undefined> =>
  withFallback(run<StoredFile | undefined>('files', 'readonly', (store) => store.get(id) as IDBRequest<StoredFile | undefined>), undefined);

export const removeFile = (id: string): Promise<unknown> =>
  withFallback(run('files', 'readwrite', (store) => store.delete(id)), undefined);

export async function remove(id: string): Promise<void> {
  await removeFile(id);
  await withFallback(run('uploads', 'readwrite', (store) => store.delete(id)), undefined);
}

async function hasSpaceFor(bytes: number): Promise<boolean> {
  const estimate = await navigator.storage?.estimate?.().catch(() => null);
  if (!estimate) return true;
  return (estimate.quota ?? 0) - (estimate.usage ?? 0) > bytes * 2;
}
