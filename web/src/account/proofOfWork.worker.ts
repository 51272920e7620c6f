// Owns the worker that solves one challenge for proofOfWork.ts.
import { solve, type WorkChallenge } from './proofOfWork';

addEventListener('message', ({ data }: MessageEvent<WorkChallenge>) => postMessage(solve(data)));
