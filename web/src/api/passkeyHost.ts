// Owns under which hosts a browser uses the passkeys of a site (WebAuthn: its relying party). Does not own the ceremonies.

/** Returns the host for whose passkeys the options of the server ask; null if they name none. */
export function passkeyHost(options: unknown): string | null {
  const host = (options as { publicKey?: { rpId?: unknown } } | null | undefined)?.publicKey?.rpId;
  return typeof host === 'string' ? host : null;
}

/** Whether a page may use the passkeys of a host: it is at that host, or below it. */
export const isAtOrBelow = (host: string, page: string): boolean => page === host || page.endsWith(`.${host}`);
