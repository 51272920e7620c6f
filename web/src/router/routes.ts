// Owns the table of the page's addresses and how an address is read. No browser in here, so it is tested alone.

export type RouteName = 'library' | 'sign-in' | 'join' | 'media' | 'member' | 'settings' | 'not-found';

export interface Route {
  name: RouteName;
  params: Record<string, string>;
}

const ROUTES: readonly (readonly [string, RouteName])[] = [
  ['/', 'library'],
  ['/sign-in', 'sign-in'],
  ['/join', 'join'],
  ['/m/:id', 'media'],
  ['/u/:handle', 'member'],
  ['/settings', 'settings'],
];

/** First segments of addresses that the server answers itself. */
const SERVER_PREFIXES = ['v1', 'docs', 'internal', 'assets', '.well-known', 'healthz', 'readyz', 'metrics'];

export function match(path: string): Route {
  const segments = segmentsOf(path);
  for (const [pattern, name] of ROUTES) {
    const params = matchSegments(segmentsOf(pattern), segments);
    if (params) return { name, params };
  }
  return { name: 'not-found', params: {} };
}

/** Whether the page, and not the server, answers this path. */
export function isPagePath(path: string): boolean {
  const [first] = segmentsOf(path);
  // A dot means a file, except in a member's handle.
  return first === undefined || first === 'u' || (!SERVER_PREFIXES.includes(first) && !path.includes('.'));
}

const segmentsOf = (path: string): string[] => path.split('/').filter((segment) => segment !== '');

function matchSegments(pattern: string[], segments: string[]): Record<string, string> | null {
  if (pattern.length !== segments.length) return null;
  const params: Record<string, string> = {};
  for (const [index, expected] of pattern.entries()) {
    const segment = segments[index] ?? '';
    if (expected.startsWith(':')) {
      try {
        params[expected.slice(1)] = decodeURIComponent(segment);
      } catch {
        return null;
      }
    } else if (expected !== segment) return null;
  }
  return params;
}
