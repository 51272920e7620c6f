// Owns the short names of the interface's shapes. The shapes themselves come from schema.d.ts, which is generated.
import type { components } from './schema';

type Schemas = components['schemas'];

export type Media = Schemas['Media'];
export type Account = Schemas['Account'];
export type SignedIn = Schemas['SignedIn'];
export type SessionView = Schemas['Session'];
export type Kind = Media['kind'];
export type State = Media['state'];
export type Visibility = Media['visibility'];

/** Work on it has come to an end, one way or the other. */
export const isSettled = (media: Media): boolean => media.state === 'ready' || media.state === 'failed';

/** Something can be shown or played. */
export const isViewable = (media: Media): boolean => media.state === 'ready' || media.state === 'playable';
