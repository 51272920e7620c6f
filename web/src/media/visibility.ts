// Owns the names and descriptions of the three visibilities.
import m from '#messages/media';
import type { Visibility } from '../api/types';
import type { IconName } from '../ui/icons';

export interface VisibilityOption {
  value: Visibility;
  label: string;
  detail: string;
  icon: IconName;
}

export const visibilities = (): readonly VisibilityOption[] => [
  { value: 'private', label: m.private(), detail: m.privateDetail(), icon: 'lock' },
  { value: 'unlisted', label: m.unlisted(), detail: m.unlistedDetail(), icon: 'link' },
  { value: 'public', label: m.public(), detail: m.publicDetail(), icon: 'globe' },
];

export function visibilityOption(visibility: Visibility): VisibilityOption {
  const all = visibilities();
  return all.find((option) => option.value === visibility) ?? (all[0] as VisibilityOption);
}
