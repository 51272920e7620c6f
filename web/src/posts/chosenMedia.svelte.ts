// Owns the media that the member has chosen for a post, a thread or a greeting: items of the library, and files that are still
// uploaded. Does not own sending: uploads does. Invariant: `ids` has only what the server has.
import type { Media } from '../api/types';
import { mediaStore } from '../media/mediaStore.svelte';
import type { PickedFile } from '../upload/pickedFiles';
import { uploads } from '../upload/queue.svelte';

export interface ChosenItem {
  /** Of the upload, or of the item. */
  key: string;
  name: string;
  /** `null` until it has arrived. */
  mediaId: string | null;
  alt: string;
}

export class ChosenMedia {
  items = $state<ChosenItem[]>([]);

  constructor(readonly max: number) {}

  readonly ids = $derived(this.items.flatMap(({ mediaId }) => (mediaId === null ? [] : [mediaId])));
  /** Whether everything has arrived. */
  readonly isComplete = $derived(this.items.every(({ mediaId }) => mediaId !== null));

  get isFull(): boolean {
    return this.items.length >= this.max;
  }

  has(id: string): boolean {
    return this.items.some(({ mediaId }) => mediaId === id);
  }

  toggle({ id, name, alt }: Media): void {
    if (this.has(id)) this.items = this.items.filter(({ mediaId }) => mediaId !== id);
    else if (this.max === 1) this.items = [{ key: id, name, mediaId: id, alt }];
    else if (!this.isFull) this.items.push({ key: id, name, mediaId: id, alt });
  }

  /** Uploads files, privately, and chooses them. */
  async upload(picked: readonly PickedFile[]): Promise<void> {
    const taken = picked.slice(0, Math.max(this.max === 1 ? 1 : 0, this.max - this.items.length));
    const keys = await uploads.add([...taken], [], 'private');
    const added = keys.map((key, at) => ({ key, name: taken[at]?.file.name ?? '', mediaId: null, alt: '' }));
    this.items = this.max === 1 ? added : [...this.items, ...added];
    this.follow();
  }

  remove(key: string): void {
    this.items = this.items.filter((item) => item.key !== key);
  }

  /** Takes the ids of uploads that have arrived, and drops those that were cancelled. Call it in an effect. */
  follow(): void {
    for (const item of this.items) {
      if (item.mediaId !== null) continue;
      const upload = uploads.items.find(({ record }) => record.id === item.key);
      if (!upload) this.remove(item.key);
      else if (upload.record.mediaId) item.mediaId = upload.record.mediaId;
    }
  }

  /** Returns the known state of a chosen item. */
  mediaOf({ mediaId }: ChosenItem): Media | undefined {
    return mediaId === null ? undefined : mediaStore.get(mediaId);
  }
}
