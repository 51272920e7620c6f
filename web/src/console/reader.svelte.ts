// Owns who reads the console, and what this reader may do. Does not own the session, nor the rules: access.ts does.
import { session } from '../session/session.svelte';
import { may, type Operation } from './access';
import { refusal } from './refusal.svelte';

class Reader {
  /** `null` for a visitor. */
  get roles(): readonly string[] | null {
    return session.account?.roles ?? null;
  }
  get isRefused(): boolean {
    return refusal.problem !== null;
  }
  may(operation: Operation): boolean {
    return this.roles !== null && may(this.roles, operation);
  }
  isSelf(accountId: string): boolean {
    return session.account?.id === accountId;
  }
}

export const reader = new Reader();
