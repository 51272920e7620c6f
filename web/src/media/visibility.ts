// Owns what the three audiences are called and what each means for whoever asks.
import type { Visibility } from '../api/types';
import type { IconName } from '../ui/icons';

export interface VisibilityOption {
  value: Visibility;
  label: string;
  detail: string;
  icon: IconName;
}

export const VISIBILITIES: readonly VisibilityOption[] = [
  { value: 'private', label: 'Private', detail: 'Only you can see it.', icon: 'lock' },
  { value: 'unlisted', label: 'Unlisted', detail: 'Whoever has the link can see it.', icon: 'link' },
  { value: 'public', label: 'Public', detail: 'Everyone can see it.', icon: 'globe' },
];

export const visibilityOption = (visibility: Visibility): VisibilityOption =>
  VISIBILITIES.find((option) => option.value === visibility) ?? (VISIBILITIES[0] as VisibilityOption);
