// Owns the table of the page's addresses and how an address is read. No browser in here, so it is tested alone.

export type RouteName = 'library' | 'sign-in' | 'join' | 'media' | 'member' | 'settings' | 'lost';

export interface Route {
  name: RouteName;
  params: Record<string, string>;
}

const TABLE: readonly (readonly [string, RouteName])[] = [
  ['/', 'library'],
  ['/sign-in', 'sign-in'],
  ['/join', 'join'],
  ['/m/:id', 'media'],
  ['/u/:handle', 'member'],
  ['/settings', 'settings'],
];

/** First parts of addresses that the server answers itself. */
const SERVERS = ['v1', 'docs', 'internal', 'assets', '.well-known', 'healthz', 'readyz', 'metrics'];

export function match(path: string): Route {
  const parts = split(path);
  for (const [pattern, name] of TABLE) {
    const params = fit(split(pattern), parts);
    if (params) return { name, params };
  }
  return { name: 'lost', params: {} };
}

/** Whether the page, and not the server, answers this path. */
export function isOurs(path: string): boolean {
  const [first] = split(path);
  // A dot means a file, except in a member's handle.
  return first === undefined || first === 'u' || (!SERVERS.includes(first) && !path.includes('.'));
}

const split = (path: string): string[] => path.split('/').filter((part) => part !== '');

function fit(pattern: string[], parts: string[]): Record<string, string> | null {
  if (pattern.length !== parts.length) return null;
  const params: Record<string, string> = {};
  for (const [at, wanted] of pattern.entries()) {
    const part = parts[at] ?? '';
    if (wanted.startsWith(':')) {
      try {
        params[wanted.slice(1)] = decodeURIComponent(part);
      } catch {
        return null;
      }
    } else if (wanted !== part) return null;
  }
  return params;
}
