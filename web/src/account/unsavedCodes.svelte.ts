// Owns the recovery codes that were made and are not saved yet, so that neither another page of ours nor a reload by accident
// loses them. Invariant: they are in memory only, and gone when another member, or none, is signed in.
import { session } from '../session/session.svelte';

class UnsavedCodes {
  #codes = $state.raw<readonly string[] | null>(null);

  constructor() {
    session.onChange(() => this.clear());
  }

  get codes(): readonly string[] | null {
    return this.#codes;
  }

  /** Keeps the codes until `clear`. Meanwhile the browser asks before it leaves the page. */
  show(codes: readonly string[]): void {
    this.#codes = codes;
    addEventListener('beforeunload', askBeforeLeaving);
  }

  clear(): void {
    this.#codes = null;
    removeEventListener('beforeunload', askBeforeLeaving);
  }
}

function askBeforeLeaving(event: Event): void {
  event.preventDefault();
}

export const unsavedCodes = new UnsavedCodes();
