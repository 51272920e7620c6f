// Owns what a form of an announcement says to the server, and what the states of announcements are called. Uses no browser API.
import m from '#messages/console';
import type { NewAnnouncement } from '../api/announcements';
import { endFrom } from '../members/sanctions';

/** What the form has: texts by language, times as its fields have them. */
export interface AnnouncementFields {
  texts: Record<string, string>;
  isPromotion: boolean;
  role: string;
  language: string;
  url: string;
  starts: string;
  ends: string;
}

/** Returns what is sent; what was left empty is left out. */
export function announcementOf({ texts, isPromotion, role, language, url, starts, ends }: AnnouncementFields): NewAnnouncement {
  const written = Object.entries(texts).flatMap(([tag, text]) => (text.trim() === '' ? [] : [[tag, text.trim()] as const]));
  const or = (text: string): string | null => text.trim() || null;
  return {
    category: isPromotion ? 'promotion' : 'service',
    texts: Object.fromEntries(written),
    role: or(role),
    language: or(language) as NonNullable<NewAnnouncement['language']> | null,
    url: or(url),
    starts_at: endFrom(starts),
    ends_at: endFrom(ends),
  };
}

const STATES: Readonly<Record<string, () => string>> = { scheduled: m.scheduled, live: m.live, over: m.over, cancelled: m.cancelledAnnouncement };

/** Returns what a state is called; of one that a newer server has, its own name. */
export const announcementState = (state: string): string => STATES[state]?.() ?? state;

/** Whether there is something to cancel. */
export const canCancel = ({ state }: { state: string }): boolean => state === 'scheduled' || state === 'live';
