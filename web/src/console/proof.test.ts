// Proves that an act that needs a proof is done again after it, and once only.
import { beforeEach, expect, it, vi } from 'vitest';
import { Problem } from '../api/problem';
import { proof } from './proof.svelte';

vi.mock('../account/ProofDialog.svelte', () => ({ default: () => undefined }));

const needed = new Problem(401, 'auth.proof_required', 'Prove who you are.');
const asked = (): Promise<unknown> => vi.waitFor(() => expect(proof.request).not.toBeNull());

beforeEach(() => proof.request?.settle(false));

it('after the proof the act is done', async () => {
  const work = vi.fn<() => Promise<string>>().mockRejectedValueOnce(needed).mockResolvedValue('done');
  const result = proof.run(work);
  await asked();
  expect(proof.request?.problem).toBe(needed);
  proof.request?.settle(true);
  expect([await result, work.mock.calls.length, proof.request]).toEqual(['done', 2, null]);
});

it('without the proof the act fails as before, and other errors ask for none', async () => {
  const work = vi.fn<() => Promise<string>>().mockRejectedValue(needed);
  const result = proof.run(work);
  const failed = expect(result).rejects.toBe(needed);
  await asked();
  proof.request?.settle(false);
  await failed;
  expect(work).toHaveBeenCalledTimes(1);
  await expect(proof.run(() => Promise.reject(new Error('away')))).rejects.toThrow('away');
  expect(proof.request).toBeNull();
});
