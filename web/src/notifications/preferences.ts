// Owns how preferences are changed and sent. Uses no browser API.
import type { NotificationPreference, NotificationPreferences } from '../api/types';

export const FROM = ['everyone', 'following', 'nobody'] as const satisfies readonly NotificationPreference['from'][];
export const MAIL = ['off', 'now', 'daily'] as const satisfies readonly NotificationPreference['mail'][];

/** When daily mails are sent unless the member has set it, as the server has it. */
export const DIGEST_AT = '08:00';
/** How many promotions a week a member can want. */
export const PROMOTIONS = [1, 2, 3, 4, 5, 6, 7] as const;

/** The hours that are offered first. */
export const QUIET_FROM = '22:00';
export const QUIET_UNTIL = '07:00';

/** Returns the preferences with another one for a kind. */
export function withKind(preferences: NotificationPreferences, kind: string, change: Partial<NotificationPreference>): NotificationPreferences {
  const before = preferences.kinds[kind];
  return before === undefined ? preferences : { ...preferences, kinds: { ...preferences.kinds, [kind]: { ...before, ...change } } };
}

/** Returns the preferences with quiet hours in a zone, or without. Hours that were set stay. */
export function withQuietHours(preferences: NotificationPreferences, isOn: boolean, zone: string): NotificationPreferences {
  const hours = preferences.quiet_hours ?? { from: QUIET_FROM, until: QUIET_UNTIL, zone };
  return { ...preferences, quiet_hours: isOn ? hours : null };
}
