// Owns which kinds of second factors a problem of the server offers.

/** Returns the kinds in a member of a problem, such as `factors` or `proofs`. */
export const factorKinds = (member: unknown): string[] => (Array.isArray(member) ? member.filter((kind) => typeof kind === 'string') : []);

/** The kind of code to ask for first. */
export const codeKind = (kinds: string[]): 'totp' | 'recovery' => (kinds.includes('totp') || !kinds.includes('recovery') ? 'totp' : 'recovery');
