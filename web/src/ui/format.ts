// Owns how sizes, durations and dates are written in the language of the page. Units are in the parameters' names.
import ui from '#messages/ui';
import { collator, dateFormat, listFormat, numberFormat, relativeTimeFormat } from '../messages/intl';

const SIZE_UNITS = ['kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

/** 1,200 → `1,200`, in the digits of the language. */
export const formatNumber = (value: number): string => numberFormat({}).format(value);

/** 12,345,678 → `12.3 MB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return numberFormat({ style: 'unit', unit: 'byte', unitDisplay: 'long' }).format(bytes);
  return largeSize(bytes, '');
}

/** 104,857,600 → `100 MiB`: memory, as configuration and systems count it. `Intl` has no such unit. */
export const formatMemory = (bytes: number): string => `${formatNumber(Math.round(bytes / 2 ** 20))} MiB`;

/** 12,345,678 → `12.3 MB/s`. */
export const formatBytesPerSecond = (bytes: number): string => largeSize(bytes, '-per-second');

function largeSize(bytes: number, per: string): string {
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 1000 && unit < SIZE_UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = value >= 100 ? 0 : 1;
  return numberFormat({ style: 'unit', unit: `${SIZE_UNITS[unit]}${per}`, minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
}

/** 65.2 → `1:05`, 3671 → `1:01:11`. */
export function formatDuration(seconds: number): string {
  const [hours, minutes, rest] = hoursMinutesSeconds(seconds);
  const one = numberFormat({ useGrouping: false });
  const two = numberFormat({ minimumIntegerDigits: 2 });
  return hours > 0 ? `${one.format(hours)}:${two.format(minutes)}:${two.format(rest)}` : `${one.format(minutes)}:${two.format(rest)}`;
}

/** 65 → `1 minute 5 seconds`, for screen readers. */
export function spokenDuration(seconds: number): string {
  const [hours, minutes, rest] = hoursMinutesSeconds(seconds);
  const parts = [hours && unit('hour', hours), minutes && unit('minute', minutes), rest && unit('second', rest)].filter((part) => part !== 0);
  return parts.length > 0 ? listFormat({ type: 'unit', style: 'narrow' }).format(parts) : unit('second', 0);
}

const unit = (name: string, value: number): string => numberFormat({ style: 'unit', unit: name, unitDisplay: 'long' }).format(value);

function hoursMinutesSeconds(seconds: number): [number, number, number] {
  const whole = Number.isFinite(seconds) && seconds > 0 ? Math.floor(seconds) : 0;
  return [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
}

/** The remaining time, rounded: the estimate is not precise. */
export function formatRemaining(seconds: number): string {
  if (!Number.isFinite(seconds)) return '';
  if (seconds < 5) return ui.fewSecondsLeft();
  const left = (name: string, value: number): string => ui.timeLeft({ time: numberFormat({ style: 'unit', unit: name, unitDisplay: 'short' }).format(value) });
  if (seconds < 55) return left('second', Math.round(seconds / 5) * 5);
  if (seconds < 3300) return left('minute', Math.round(seconds / 60));
  return left('hour', Math.round(seconds / 360) / 10);
}

export const formatDate = (time: string): string => dateFormat({ dateStyle: 'medium' }).format(new Date(time));
export const formatDateTime = (time: string): string => dateFormat({ dateStyle: 'medium', timeStyle: 'short' }).format(new Date(time));

/** A time beside something short: the time of the day if that is today, the day if it is this year, else the date. */
export function formatShortTime(time: string, now = new Date()): string {
  const then = new Date(time);
  if (then.toDateString() === now.toDateString()) return dateFormat({ timeStyle: 'short' }).format(then);
  return dateFormat(then.getFullYear() === now.getFullYear() ? { day: 'numeric', month: 'short' } : { dateStyle: 'medium' }).format(then);
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** How long ago a time was, in whole minutes, hours or days, such as `20 minutes ago` and `1 day ago`. */
export function formatAgo(time: string, now = Date.now()): string {
  const age = now - Date.parse(time);
  const [unitName, ms] = age < HOUR_MS ? (['minute', MINUTE_MS] as const) : age < DAY_MS ? (['hour', HOUR_MS] as const) : (['day', DAY_MS] as const);
  return relativeTimeFormat({ numeric: 'always' }).format(-Math.max(1, Math.floor(age / ms)), unitName);
}

/** A list without a word before its last part, such as `photo, 1 minute, private`. */
export const formatList = (parts: readonly string[]): string => listFormat({ type: 'unit', style: 'short' }).format(parts);

/** The order of two texts in the language of the page. */
export const compareTexts = (a: string, b: string): number => collator({}).compare(a, b);
