// Owns which media of a post are covered until the reader opens them. Does not own the rule: the server says what is sensitive to a
// reader. Invariant: what is covered is not among what is shown, so it has no player, and nothing of it is loaded or starts by itself.

export interface Coverable {
  sensitive: boolean;
}

/** Returns the media that are shown, and those that are covered, each in order. */
export function splitCovered<M extends Coverable>(media: readonly M[], isOpened: boolean): { shown: M[]; covered: M[] } {
  const isCovered = ({ sensitive }: M): boolean => sensitive && !isOpened;
  return { shown: media.filter((one) => !isCovered(one)), covered: media.filter(isCovered) };
}
