// Owns how notices are grouped: by the day on which they came, in the reader's time zone. Uses no browser API but Intl.

export interface Day<T> {
  /** Such as `2026-11-30`. */
  key: string;
  /** How many days ago it was; 0 is today. */
  age: number;
  items: T[];
}

const DAY_MS = 86_400_000;

/** Returns the day of a time, as the calendar of this device has it. */
const dayOf = (time: Date): { key: string; number: number } => {
  const [year, month, day] = [time.getFullYear(), time.getMonth(), time.getDate()];
  const key = [year, String(month + 1).padStart(2, '0'), String(day).padStart(2, '0')].join('-');
  // Days of the calendar, whatever their hours: one may have 23 or 25.
  return { key, number: Date.UTC(year, month, day) / DAY_MS };
};

/** Groups items by day; their order stays. */
export function groupByDay<T extends { created_at: string }>(items: readonly T[], now: Date): Day<T>[] {
  const today = dayOf(now).number;
  const days: Day<T>[] = [];
  for (const item of items) {
    const { key, number } = dayOf(new Date(item.created_at));
    const last = days.at(-1);
    if (last?.key === key) last.items.push(item);
    else days.push({ key, age: today - number, items: [item] });
  }
  return days;
}
