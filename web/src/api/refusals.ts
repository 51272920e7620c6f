// Owns what a problem says of a verdict that has refused something: why, and whether it can be appealed. Uses no browser API.
import { errorMessage, Problem, sentenceFor } from './problem';

export interface Refusal {
  /** The id of the verdict; `null` where there is no appeal. */
  appealTo: string | null;
  reason: string | null;
}

export function refusalOf(problem: unknown): Refusal {
  const members = problem instanceof Problem ? problem.members : {};
  const [verdict, reason] = [members['verdict'], members['reason']];
  return { appealTo: members['can_appeal'] === true && typeof verdict === 'string' ? verdict : null, reason: typeof reason === 'string' ? reason : null };
}

/** Returns why something was not taken: the reason of a verdict in the language of the page, or what else was wrong. */
export function problemSentence(problem: unknown): string {
  const { reason } = refusalOf(problem);
  const detail = errorMessage(problem);
  return reason === null ? detail : sentenceFor({ code: reason, detail });
}
