// Owns an act for which the server may want a proof of who the member is: it is done again after the proof. Does not own how
// the proof is asked for: ProofDialog.svelte does. Invariant: an act that is cancelled, or done, is not done once more.
import { isProblem, type Problem } from '../api/problem';

type Work = () => Promise<void>;

export class ProvenAct {
  #pending = $state.raw<{ problem: Problem; work: Work } | null>(null);

  /** What the server wants proven; `null` while it wants nothing. */
  get problem(): Problem | null {
    return this.#pending?.problem ?? null;
  }

  /** Runs `work`. Where the server wants a proof first, it ends, and `problem` says so. */
  async attempt(work: Work): Promise<void> {
    try {
      await work();
    } catch (cause) {
      if (!isProblem(cause, 'auth.proof_required')) throw cause;
      this.#pending = { problem: cause, work };
    }
  }

  /** Runs what waits for the proof. */
  async again(): Promise<void> {
    const work = this.#pending?.work;
    this.#pending = null;
    if (work) await this.attempt(work);
  }

  cancel(): void {
    this.#pending = null;
  }
}
