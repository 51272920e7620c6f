// Owns how sizes, durations and dates are written. Units are in the parameters' names.
import ui from '#messages/ui';

export function formatBytes(bytes: number): string {
  if (bytes < 1000) return ui.bytes({ count: bytes });
  const units = [ui.kilobytes, ui.megabytes, ui.gigabytes, ui.terabytes];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return (units[unit] ?? ui.terabytes)({ value: value.toFixed(value >= 100 ? 0 : 1) });
}

/** 65.2 → `1:05`, 3671 → `1:01:11`. */
export function formatDuration(seconds: number): string {
  const whole = Number.isFinite(seconds) && seconds > 0 ? Math.floor(seconds) : 0;
  const two = (n: number): string => String(n).padStart(2, '0');
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** 65 → `1 minute 5 seconds`, for screen readers. */
export function spokenDuration(seconds: number): string {
  const whole = Number.isFinite(seconds) && seconds > 0 ? Math.floor(seconds) : 0;
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const parts = [hours && ui.hours({ count: hours }), minutes && ui.minutes({ count: minutes }), rest && ui.seconds({ count: rest })];
  return parts.filter(Boolean).join(' ') || ui.seconds({ count: 0 });
}

/** The remaining time, rounded: the estimate is not precise. */
export function formatRemaining(seconds: number): string {
  if (!Number.isFinite(seconds)) return '';
  if (seconds < 5) return ui.fewSecondsLeft();
  if (seconds < 55) return ui.secondsLeft({ count: Math.round(seconds / 5) * 5 });
  if (seconds < 3300) return ui.minutesLeft({ count: Math.round(seconds / 60) });
  return ui.hoursLeft({ count: Math.round(seconds / 360) / 10 });
}

const DATE_FORMAT = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const DATE_TIME_FORMAT = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

export const formatDate = (time: string): string => DATE_FORMAT.format(new Date(time));
export const formatDateTime = (time: string): string => DATE_TIME_FORMAT.format(new Date(time));
