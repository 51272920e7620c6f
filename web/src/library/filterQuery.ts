// Owns how the library's filter and its order are written to the URL and read from it. Unknown values are left out, never passed on.
import type { Filter } from '../api/media';
import type { Kind, State, Visibility } from '../api/types';

const KINDS: readonly Kind[] = ['photo', 'audio', 'video'];
const STATES: readonly State[] = ['received', 'processing', 'playable', 'ready', 'failed'];
const VISIBILITY_VALUES: readonly Visibility[] = ['private', 'unlisted', 'public'];

const oneOf = <T extends string>(all: readonly T[], value: string | null): T | undefined => all.find((one) => one === value);

export function readFilter(query: URLSearchParams): Filter {
  const filter: Filter = {};
  const kind = oneOf(KINDS, query.get('kind'));
  const state = oneOf(STATES, query.get('state'));
  const visibility = oneOf(VISIBILITY_VALUES, query.get('visibility'));
  const tag = query.get('tag');
  const q = query.get('q')?.trim();
  if (kind) filter.kind = kind;
  if (state) filter.state = state;
  if (visibility) filter.visibility = visibility;
  if (tag) filter.tag = tag;
  if (q) filter.q = q;
  if (query.get('sort') === 'taken') filter.sort = 'taken';
  return filter;
}

export function writeFilter(filter: Filter): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(filter)) if (value) query.set(key, String(value));
  const text = query.toString();
  return text ? `/?${text}` : '/';
}
