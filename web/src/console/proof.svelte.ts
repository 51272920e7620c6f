// Owns acts that need a recent proof of who acts: asks for it, and then does the act again. Does not own the dialog:
// account/ProofDialog.svelte does. Invariant: one proof is asked for at a time, and none that is not given counts.
import type ProofDialog from '../account/ProofDialog.svelte';
import { isProblem, type Problem } from '../api/problem';

interface Request {
  problem: Problem;
  Dialog: typeof ProofDialog;
  settle: (isProven: boolean) => void;
}

class Proof {
  request = $state.raw<Request | null>(null);

  /** Runs `work`; if the server wants a proof first, again after it. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      if (!isProblem(cause, 'auth.proof_required') || !(await this.#ask(cause))) throw cause;
    }
    return work();
  }

  async #ask(problem: Problem): Promise<boolean> {
    const { default: Dialog } = await import('../account/ProofDialog.svelte');
    this.request?.settle(false);
    return new Promise((resolve) => {
      const settle = (isProven: boolean): void => {
        this.request = null;
        resolve(isProven);
      };
      this.request = { problem, Dialog, settle };
    });
  }
}

export const proof = new Proof();
