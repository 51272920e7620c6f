// Owns what the server said when it refused the whole session: it has no second factor, or is none of this listener.
// Does not own what is shown then. Invariant: another session starts without the refusal of the one before.
import { Problem } from '../api/problem';
import { session } from '../session/session.svelte';

/** The codes that concern the session, whatever the operation is. */
const CODES = ['auth.second_factor_required', 'auth.operators_session_required'];

class Refusal {
  problem = $state.raw<Problem | null>(null);

  constructor() {
    session.onChange(() => (this.problem = null));
  }

  /** Returns the result of a call, and remembers a refusal of the session. */
  async watch<T>(call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (cause) {
      if (cause instanceof Problem && CODES.includes(cause.code)) this.problem = cause;
      throw cause;
    }
  }
}

export const refusal = new Refusal();
