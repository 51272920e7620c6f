// Owns when an animated picture moves. Does not own the media query: motionState.svelte.ts does.

export interface MotionPreference {
  /** The member's system asks for less motion (`prefers-reduced-motion`). */
  reducesMotion: boolean;
  savesData: boolean;
}

/** Whether a picture moves: as the member chose for it with its button, or else as the device prefers. */
export const isMoving = (preference: MotionPreference, choice: boolean | null): boolean => choice ?? !(preference.reducesMotion || preference.savesData);
