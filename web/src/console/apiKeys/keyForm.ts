// Owns what the form of a team's API key offers: its scopes, and which field the server's sentences are about.
import type { ProblemFields } from '../../ui/fieldErrors';

/** The tags of the public interface's operations that a key can be for. Others are written by hand. */
const TAGS = ['albums', 'delivery', 'feeds', 'greetings', 'media', 'people', 'posts', 'screens', 'threads', 'uploads'] as const;

/** A key with this scope acts for the member whom each request names. */
export const ACT_FOR_MEMBERS = 'members:act';

export const OFFERED_SCOPES: readonly string[] = [...TAGS.flatMap((tag) => [`${tag}:read`, `${tag}:write`]), ACT_FOR_MEMBERS];

export const KEY_FIELDS: ProblemFields = {
  'accounts.invalid_api_key': [
    { field: 'name', property: '`name`' },
    { field: 'expires', property: '`expires_at`' },
    { field: 'reason', property: '`reason`' },
    // All others are about a scope, and name those that there are.
    { field: 'scopes' },
  ],
};

/** Returns the scopes that are chosen and those that are written, each once. */
export const scopesOf = (chosen: readonly string[], written: string): string[] => [...new Set([...chosen, ...written.split(/[\s,]+/).filter((scope) => scope !== '')])].sort();

/** Whether a key has ended. */
export const isExpired = ({ expires_at }: { expires_at: string | null }, now: number): boolean => expires_at !== null && Date.parse(expires_at) <= now;
