// Owns how dropped things become files: single files, many, whole folders, each with a handle where the browser
// gives one (a handle lets a reload read the file again without a copy).

export interface Picked {
  file: File;
  handle: FileSystemFileHandle | null;
}

/** More than this from one drop is a mistake, not an album. */
const MOST = 2_000;

/** What the file picker offers. The server decides by the bytes, so this only sorts the dialog. */
export const ACCEPT = 'image/*,video/*,audio/*,.heic,.heif,.avif,.mkv,.mov,.flac,.opus,.m4a';

export const hasFiles = (transfer: DataTransfer | null): boolean => transfer?.types.includes('Files') ?? false;

export const fromInput = (input: HTMLInputElement): Picked[] =>
  [...(input.files ?? [])].slice(0, MOST).map((file) => ({ file, handle: null }));

type WithHandle = DataTransferItem & { getAsFileSystemHandle?: () => Promise<FileSystemHandle | null> };

/** Must be called in the drop event itself: the items are gone afterwards. */
export async function fromDrop(transfer: DataTransfer): Promise<Picked[]> {
  const found = [...transfer.items]
    .filter((item) => item.kind === 'file')
    .map((item: WithHandle) => ({ file: item.getAsFile(), handle: item.getAsFileSystemHandle?.().catch(() => null) ?? null }));
  const picked: Picked[] = [];
  for (const one of found) {
    const handle = await one.handle;
    if (handle?.kind === 'directory') await walk(handle as FileSystemDirectoryHandle, picked);
    else if (one.file) picked.push({ file: one.file, handle: handle as FileSystemFileHandle | null });
  }
  return picked.slice(0, MOST);
}

type Walkable = FileSystemDirectoryHandle & { values(): AsyncIterable<FileSystemHandle> };

async function walk(folder: FileSystemDirectoryHandle, picked: Picked[]): Promise<void> {
  for await (const entry of (folder as Walkable).values()) {
    if (picked.length >= MOST) return;
    if (entry.name.startsWith('.')) continue;
    if (entry.kind === 'directory') await walk(entry as FileSystemDirectoryHandle, picked);
    else picked.push({ file: await (entry as FileSystemFileHandle).getFile(), handle: entry as FileSystemFileHandle });
  }
}
