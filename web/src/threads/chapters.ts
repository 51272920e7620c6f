// Owns the chapters of a thread's programme: which clips it plays, and when each begins. Does not own playback. Uses no browser API,
// so it is tested alone.
import type { Post, PostMedia, ThreadPart } from '../api/types';

export interface Chapter {
  /** The id of the post. */
  id: string;
  name: string;
  /** When it begins, in seconds. */
  start: number;
  seconds: number;
  clip: PostMedia;
}

/**
 * Returns the chapters: the opening and the parts in order, up to the first clip that is still converted, where the programme ends
 * for now. What has no clip, or one that is lost, is left out.
 */
export function chaptersOf(opening: Post, parts: readonly ThreadPart[]): Chapter[] {
  const chapters: Chapter[] = [];
  let start = 0;
  for (const { id, author, media } of [opening, ...parts.filter(({ state }) => state === 'joined').map(({ post }) => post)]) {
    const clip = media.find(({ kind, state }) => kind === 'video' && state !== 'failed');
    if (clip && clip.state !== 'ready') break;
    // Its author also sees one that is in the trash, which cannot be played.
    if (!clip?.urls.hls || !clip.duration_ms) continue;
    const seconds = clip.duration_ms / 1000;
    chapters.push({ id, name: author.display_name || author.handle, start, seconds, clip });
    start += seconds;
  }
  return chapters;
}

/** Returns the chapter that is played at a time, in seconds. */
export const chapterAt = (chapters: readonly Chapter[], time: number): Chapter | null => chapters.findLast(({ start }) => start <= time + 0.05) ?? chapters[0] ?? null;

/**
 * Returns the first clip that is sensitive and of a post that the reader has not opened. The programme is one stream, so while there
 * is one, none of it plays.
 */
export const coveredClip = (chapters: readonly Chapter[], opened: readonly string[]): PostMedia | undefined =>
  chapters.find(({ id, clip }) => clip.sensitive && !opened.includes(id))?.clip;

export const secondsOf = (chapters: readonly Chapter[]): number => chapters.reduce((sum, { seconds }) => sum + seconds, 0);
