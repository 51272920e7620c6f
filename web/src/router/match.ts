// Owns how a path is matched against patterns, and which paths belong to the page. Uses no browser API, so it is tested
// alone.

/** First segments of paths that the server responds to itself. */
const SERVER_PREFIXES = ['v1', 'docs', 'internal', 'assets', 'oembed', '.well-known', 'healthz', 'readyz', 'metrics'];

/** Returns the name and the parameters of the first pattern that fits, or `null`. */
export function matchPatterns<Name>(patterns: readonly (readonly [string, Name])[], path: string): { name: Name; params: Record<string, string> } | null {
  const segments = segmentsOf(path);
  for (const [pattern, name] of patterns) {
    const params = matchSegments(segmentsOf(pattern), segments);
    if (params) return { name, params };
  }
  return null;
}

/** Whether the page, and not the server, shows this path. */
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
