// Owns changing a member's picture. Invariant: what is uploaded for it never appears in the library: it is staged until it
// is known to be a photo, then claimed as an avatar, and removed when another takes its place.
import m from '#messages/account';
import { updateProfile } from '../api/accounts';
import * as calls from '../api/media';
import { Problem } from '../api/problem';
import { session } from '../session/session.svelte';

/** Throws an error with a sentence for the member if the file is no photo. */
export async function changeAvatar(file: File): Promise<void> {
  if (/^(video|audio|text|application)\//.test(file.type)) throw new Error(m.pictureMustBePhoto());
  const staged = await calls.uploadUnclaimed(file).catch((error: unknown) => {
    // The server's sentence is about songs and videos too.
    throw error instanceof Problem && error.code === 'media.unsupported_type' ? new Error(m.pictureMustBePhoto()) : error;
  });
  try {
    if (staged.kind !== 'photo') throw new Error(m.pictureMustBePhoto());
    await calls.claim(staged.id, calls.AVATAR_SUBJECT);
    await replaceAvatar(staged.id);
  } catch (error) {
    await calls.remove(staged.id).catch(() => undefined);
    throw error;
  }
}

export const removeAvatar = (): Promise<void> => replaceAvatar(null);

async function replaceAvatar(avatar: string | null): Promise<void> {
  const before = session.account?.avatar;
  await updateProfile({ avatar });
  if (!before) return;
  try {
    // A picture that was chosen from the library stays there.
    if ((await calls.get(before)).subject === calls.AVATAR_SUBJECT) await calls.remove(before);
  } catch {
    // The picture is changed; the old one only takes some space.
  }
}
