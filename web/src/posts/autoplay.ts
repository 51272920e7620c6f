// Owns which of the clips on the screen plays. Does not own the elements: clips.svelte.ts does. Uses no browser API, so it is
// tested alone. Invariant: at most one plays.

export interface VisibleClip {
  id: number;
  /** The share of the clip that is on the screen, 0 to 1. */
  ratio: number;
  /** How far its middle is from the middle of the screen, in pixels. */
  distance: number;
}

export interface AutoplayPreference {
  /** The member's system asks for less motion. */
  reducesMotion: boolean;
  savesData: boolean;
}

/** A clip is in view while this much of it is on the screen. */
export const IN_VIEW = 0.6;

/** Whether clips may begin to play by themselves. */
export const playsByItself = ({ reducesMotion, savesData }: AutoplayPreference): boolean => !reducesMotion && !savesData;

/**
 * Returns the clip that plays. One that the reader has started goes on as long as it is in view, also where none starts by
 * itself; one that the reader has paused stays paused until it is started again.
 */
export function clipToPlay(visible: readonly VisibleClip[], preference: AutoplayPreference, started: number | null, paused: ReadonlySet<number>): number | null {
  const inView = visible.filter(({ ratio }) => ratio >= IN_VIEW);
  if (started !== null && inView.some(({ id }) => id === started)) return started;
  if (!playsByItself(preference)) return null;
  const [nearest] = inView.filter(({ id }) => !paused.has(id)).sort((a, b) => a.distance - b.distance || a.id - b.id);
  return nearest?.id ?? null;
}
