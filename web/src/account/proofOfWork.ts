// Owns the proof of work that the server asks for while unusually many accounts are made: ALTCHA's format, version 1. Does
// not own when it is asked for. Invariant: the page stays responsive, because a worker does the work.
import { sha256Hex } from './sha256';

/** What is to be solved, as the server sends it. */
export interface WorkChallenge {
  algorithm: 'SHA-256';
  challenge: string;
  maxnumber: number;
  salt: string;
  signature: string;
}

/** Returns the challenge in the members of a problem; `null` if there is none that this page can solve. */
export function challengeIn(members: Readonly<Record<string, unknown>>): WorkChallenge | null {
  const challenge = members['challenge'] as Partial<WorkChallenge> | null | undefined;
  return challenge?.algorithm === 'SHA-256' && typeof challenge.salt === 'string' && typeof challenge.maxnumber === 'number' ? (challenge as WorkChallenge) : null;
}

/** Tries numbers until one solves the challenge. Returns the solution as the server takes it; `null` if there is none. */
export function solve({ algorithm, challenge, maxnumber, salt, signature }: WorkChallenge): string | null {
  for (let number = 0; number <= maxnumber; number++) {
    if (sha256Hex(`${salt}${number}`) === challenge) return btoa(JSON.stringify({ algorithm, challenge, number, salt, signature }));
  }
  return null;
}

/** Solves a challenge in a worker, which ends with it. */
export function solveInWorker(challenge: WorkChallenge): Promise<string | null> {
  const worker = new Worker(new URL('./proofOfWork.worker.ts', import.meta.url), { type: 'module' });
  const solved = new Promise<string | null>((resolve, reject) => {
    worker.addEventListener('message', ({ data }: MessageEvent<string | null>) => resolve(data));
    worker.addEventListener('error', (event) => reject(new Error(event.message)));
  });
  worker.postMessage(challenge);
  return solved.finally(() => worker.terminate());
}
