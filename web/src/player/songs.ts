// Owns playing a song of the library without its page: the next, the previous, and the same one with a new URL.
import * as calls from '../api/media';
import { isViewable, type Media } from '../api/types';
import { library } from '../library/library.svelte';
import { sizedUrl } from '../media/imageUrl';
import { mediaStore } from '../media/mediaStore.svelte';
import type { Source } from './hls';
import { nowPlaying, type Track } from './nowPlaying.svelte';
import { Player } from './player.svelte';

/** `null` if it cannot be played yet. */
export function songSource(media: Media): Source | null {
  const url = media.urls.hls ?? media.urls.file;
  return media.kind === 'audio' && isViewable(media) && url ? { url, isHls: Boolean(media.urls.hls) } : null;
}

export const songCover = (media: Media): string | null => (media.urls.poster ? sizedUrl(media.urls.poster, { w: 640 }) : null);

/** Returns the song before (-1) or after (1) another in the library as it is listed. */
export const adjacentSong = (id: string, step: 1 | -1): string | undefined => library.adjacent(id, step, (media) => songSource(media) !== null);

/** Plays a song that the page knows. */
export function playSong(id: string): void {
  const media = mediaStore.get(id);
  const source = media && songSource(media);
  if (!source) return;
  const player = new Player('audio');
  nowPlaying.start({ id, name: media.name, cover: songCover(media), seconds: (media.duration_ms ?? 0) / 1000, player });
  void player.play();
  void player.open(source);
}

/** Opens a song again: most likely its signed URL has expired, and the new response has a new one. */
export async function reopenSong(track: Track): Promise<void> {
  try {
    mediaStore.put(await calls.get(track.id));
  } catch {
    return;
  }
  const source = songSource(mediaStore.get(track.id) as Media);
  if (source && nowPlaying.track === track) await track.player.open(source);
}
