// Owns the short names of the API's types. The types themselves are in schema.d.ts, which is generated.
import type { components, paths } from './schema';

type Schemas = components['schemas'];

export type Media = Schemas['Media'];
export type Album = Schemas['Album'];
export type Download = Schemas['Download'];
export type Account = Schemas['Account'];
export type ProfileKind = Schemas['ProfileKind'];
export type ShareLink = Schemas['ShareLink'];
export type SharedMedia = Schemas['SharedMedia'];
export type SignedIn = Schemas['SignedIn'];
export type SessionView = Schemas['Session'];
export type SignInRecord = Schemas['SignInRecord'];
export type Factor = Schemas['Factor'];
export type Factors = Schemas['Factors'];
export type FactorSetup = Schemas['FactorSetup'];
export type ApiKey = Schemas['ApiKey'];
/** An archive with a member's data. */
export type DataExport = paths['/v1/me/exports/{id}']['get']['responses'][200]['content']['application/json'];
/** A second factor, as a request has it. */
export type FactorProof = Schemas['FactorAnswer'];
export type Kind = Media['kind'];
export type State = Media['state'];
export type Visibility = Media['visibility'];

/** Whether conversion has ended, successfully or not. */
export const isSettled = (media: Media): boolean => media.state === 'ready' || media.state === 'failed';

/** Whether the item can be shown or played. */
export const isViewable = (media: Media): boolean => media.state === 'ready' || media.state === 'playable';
