// Owns how dropped or chosen items become files: single files, several, whole folders; each with a handle if the browser
// has one (with a handle the page can read the file again after a reload, without a copy).

export interface PickedFile {
  file: File;
  handle: FileSystemFileHandle | null;
}

/** More than this from one drop is a mistake, not an album. */
const MAX_FILES = 2_000;

/** What the file picker offers. The server decides by the bytes; this only filters the picker. */
export const ACCEPT = 'image/*,video/*,audio/*,.heic,.heif,.avif,.mkv,.mov,.flac,.opus,.m4a';

export const hasFiles = (transfer: DataTransfer | null): boolean => transfer?.types.includes('Files') ?? false;

export const fromInput = (input: HTMLInputElement): PickedFile[] =>
  [...(input.files ?? [])].slice(0, MAX_FILES).map((file) => ({ file, handle: null }));

type ItemWithHandle = DataTransferItem & { getAsFileSystemHandle?: () => Promise<FileSystemHandle | null> };

/** Must be called in the drop event itself: the browser clears the items afterwards. */
export async function fromDrop(transfer: DataTransfer): Promise<PickedFile[]> {
  const found = [...transfer.items]
    .filter((item) => item.kind === 'file')
    .map((item: ItemWithHandle) => ({ file: item.getAsFile(), handle: item.getAsFileSystemHandle?.().catch(() => null) ?? null }));
  const picked: PickedFile[] = [];
  for (const one of found) {
    const handle = await one.handle;
    if (handle?.kind === 'directory') await collectFiles(handle as FileSystemDirectoryHandle, picked);
    else if (one.file) picked.push({ file: one.file, handle: handle as FileSystemFileHandle | null });
  }
  return picked.slice(0, MAX_FILES);
}

type IterableDirectoryHandle = FileSystemDirectoryHandle & { values(): AsyncIterable<FileSystemHandle> };

async function collectFiles(folder: FileSystemDirectoryHandle, picked: PickedFile[]): Promise<void> {
  for await (const entry of (folder as IterableDirectoryHandle).values()) {
    if (picked.length >= MAX_FILES) return;
    if (entry.name.startsWith('.')) continue;
    if (entry.kind === 'directory') await collectFiles(entry as FileSystemDirectoryHandle, picked);
    else picked.push({ file: await (entry as FileSystemFileHandle).getFile(), handle: entry as FileSystemFileHandle });
  }
}
