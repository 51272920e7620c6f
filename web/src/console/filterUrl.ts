// Owns how the filters of a list stand in the URL. Uses no browser API.
// Invariant: the URL of a search finds the same again; what is empty is left out.

export type Filter<Field extends string> = Record<Field, string>;

export function readFilter<Field extends string>(fields: readonly Field[], query: URLSearchParams): Filter<Field> {
  return Object.fromEntries(fields.map((name) => [name, query.get(name)?.trim() ?? ''])) as Filter<Field>;
}

/** Returns the path of a page with these filters. */
export function filterUrl(page: string, filter: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams(withoutEmpty(filter) as Record<string, string>);
  return query.size > 0 ? `${page}?${query}` : page;
}

/** Returns the query of the server: the filters that are set. */
export function withoutEmpty<Field extends string>(filter: Readonly<Filter<Field>>): Partial<Filter<Field>> {
  const set = Object.entries<string>(filter).flatMap(([name, value]) => (value.trim() ? [[name, value.trim()]] : []));
  return Object.fromEntries(set) as Partial<Filter<Field>>;
}

/** A handle may be written with its `@`. */
export const withoutAt = (handleOrId: string): string => handleOrId.replace(/^@/, '');
