// Proves that an act for which the server wants a proof is done after it, once.
import { expect, it, vi } from 'vitest';
import { Problem } from '../api/problem';
import { ProvenAct } from './provenAct.svelte';

const wanted = new Problem(403, 'auth.proof_required', 'Prove it.');

it('an act waits for the proof and is done after it, once', async () => {
  const act = new ProvenAct();
  const work = vi.fn<() => Promise<void>>().mockRejectedValueOnce(wanted).mockResolvedValue();
  await act.attempt(work);
  expect(act.problem).toBe(wanted);
  await act.again();
  await act.again();
  expect([act.problem, work.mock.calls.length]).toEqual([null, 2]);
});

it('an act that is cancelled is not done, and another error is the caller’s', async () => {
  const act = new ProvenAct();
  const work = vi.fn<() => Promise<void>>().mockRejectedValue(wanted);
  await act.attempt(work);
  act.cancel();
  await act.again();
  expect(work).toHaveBeenCalledTimes(1);
  await expect(act.attempt(() => Promise.reject(new Error('other')))).rejects.toThrow('other');
  expect(act.problem).toBeNull();
});
