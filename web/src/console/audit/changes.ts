// Owns how the state before and after an act is compared: which fields differ, and what was removed from and added to each.
// Does not own how that is shown. Invariant: what is in one of the two and not in the other is in the result.

export interface Change {
  /** The path of the field, such as `standing.until`; empty for a value that has no fields. */
  field: string;
  removed: string[];
  added: string[];
}

type Fields = Record<string, unknown>;

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);
const isScalar = (value: unknown): boolean => typeof value !== 'object' || value === null;
const isScalarList = (value: unknown): value is unknown[] => Array.isArray(value) && value.every(isScalar);
const isAbsent = (value: unknown): boolean => value === undefined || value === null;

/** Returns what an act changed, field by field, sorted by name. `null` on one side: it was created, or removed. */
export function changes(before: unknown, after: unknown): Change[] {
  return compare('', before, after).sort((a, b) => (a.field < b.field ? -1 : a.field > b.field ? 1 : 0));
}

function compare(field: string, before: unknown, after: unknown): Change[] {
  if ((isFields(before) || isAbsent(before)) && (isFields(after) || isAbsent(after))) {
    const [old, current] = [isFields(before) ? before : {}, isFields(after) ? after : {}];
    return [...new Set([...Object.keys(old), ...Object.keys(current)])].flatMap((name) => compare(field ? `${field}.${name}` : name, old[name], current[name]));
  }
  if (isEqual(before, after)) return [];
  if (isScalarList(before ?? []) && isScalarList(after ?? []) && (Array.isArray(before) || Array.isArray(after))) {
    const [old, current] = [texts(before), texts(after)];
    const [removed, added] = [old.filter((text) => !current.includes(text)), current.filter((text) => !old.includes(text))];
    // Only the order, or how often something is there, differs.
    if (removed.length + added.length === 0) return [{ field, removed: [old.join(', ')], added: [current.join(', ')] }];
    return [{ field, removed, added }];
  }
  return [{ field, removed: isAbsent(before) ? [] : [text(before)], added: isAbsent(after) ? [] : [text(after)] }];
}

const texts = (list: unknown): string[] => (Array.isArray(list) ? list.map(text) : []);
const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
const isEqual = (one: unknown, other: unknown): boolean => (isAbsent(one) && isAbsent(other)) || JSON.stringify(one) === JSON.stringify(other);
