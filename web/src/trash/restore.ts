// Owns what a deletion can be undone with: the toast after it, and restoring.
import m from '#messages/trash';
import * as calls from '../api/media';
import { errorMessage } from '../api/problem';
import type { Media } from '../api/types';
import { library } from '../library/library.svelte';
import { mediaStore } from '../media/mediaStore.svelte';
import { toasts } from '../ui/toasts.svelte';

/** Whether the item goes to the trash when its owner deletes it. */
export const goesToTrash = (media: Media): boolean => media.state !== 'failed';

/** Says that an item is deleted, and offers to undo it. */
export function announceDeleted(media: Media): void {
  const undo = { label: m.undo(), run: () => void restore(media) };
  toasts.success(m.deleted({ name: media.name }), goesToTrash(media) ? undo : undefined);
}

/** Restores an item, says so, and returns whether that succeeded. */
export async function restore({ id, name }: Media): Promise<boolean> {
  try {
    mediaStore.put(await calls.restore(id));
    library.add(id);
    toasts.success(m.restored({ name }));
    return true;
  } catch (error) {
    toasts.error(errorMessage(error));
    return false;
  }
}
