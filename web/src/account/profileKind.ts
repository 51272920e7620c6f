// Owns what the page calls the kinds of profiles.
import m from '#messages/account';
import type { ProfileKind } from '../api/types';

/** In the order of the form. */
export const PROFILE_KINDS: readonly ProfileKind[] = ['member', 'artist', 'curator', 'provider', 'booth'];

const LABELS: Record<ProfileKind, () => string> = {
  member: () => m.kindMember(),
  artist: () => m.kindArtist(),
  curator: () => m.kindCurator(),
  provider: () => m.kindProvider(),
  booth: () => m.kindBooth(),
};

export const kindLabel = (kind: ProfileKind): string => LABELS[kind]();
