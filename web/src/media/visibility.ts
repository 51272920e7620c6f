// Owns what the three audiences are called and what each means for whoever asks.
import type { Visibility } from '../api/types';
import type { SignName } from '../ui/icons';

export interface Audience {
  value: Visibility;
  label: string;
  detail: string;
  icon: SignName;
}

export const AUDIENCES: readonly Audience[] = [
  { value: 'private', label: 'Private', detail: 'Only you can see it.', icon: 'lock' },
  { value: 'unlisted', label: 'Unlisted', detail: 'Whoever has the link can see it.', icon: 'link' },
  { value: 'public', label: 'Public', detail: 'Everyone can see it.', icon: 'globe' },
];

export const audienceOf = (visibility: Visibility): Audience =>
  AUDIENCES.find((audience) => audience.value === visibility) ?? (AUDIENCES[0] as Audience);
