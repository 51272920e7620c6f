// Proves that a member who is suspended is offered the sign-in for an appeal, with the factor that was asked for, and that other
// refusals offer none.
import { beforeEach, expect, it, vi } from 'vitest';
import { signIn } from '../api/accounts';
import { Problem } from '../api/problem';
import { SignInSteps } from './signInSteps.svelte';

vi.mock('../api/accounts', () => ({ signIn: vi.fn() }));
vi.mock('../api/passkeys', () => ({ getPasskey: async (options: unknown) => options }));

const suspended = new Problem(403, 'auth.suspended', 'Until Monday.');
const wantsFactor = new Problem(401, 'auth.second_factor', 'Confirm.', null, { factors: ['totp'] });
const ordinary = vi.mocked(signIn);
const forAppeal = vi.fn<typeof signIn>();

function typed(steps: SignInSteps): SignInSteps {
  steps.login = ' eve ';
  steps.password = 'secret';
  return steps;
}

beforeEach(() => {
  ordinary.mockReset();
  forAppeal.mockReset();
});

it('an account that is suspended can be signed in to for an appeal, with what was typed', async () => {
  const steps = typed(new SignInSteps(forAppeal));
  ordinary.mockRejectedValue(suspended);
  await expect(steps.submit()).rejects.toBe(suspended);
  expect(steps.isSuspended).toBe(true);
  await steps.appeal();
  expect(forAppeal.mock.calls).toEqual([['eve', 'secret', undefined]]);
  // What is typed anew is an ordinary sign-in again.
  ordinary.mockResolvedValue();
  await steps.submit();
  expect([steps.isSuspended, ordinary.mock.calls.length, forAppeal.mock.calls.length]).toEqual([false, 2, 1]);
});

it('a code that was too late is asked for again, for the appeal', async () => {
  const steps = typed(new SignInSteps(forAppeal));
  ordinary.mockRejectedValueOnce(wantsFactor).mockRejectedValueOnce(suspended);
  await steps.submit();
  steps.code = '123456';
  await expect(steps.submit()).rejects.toBe(suspended);
  const late = new Problem(401, 'auth.wrong_factor', 'Too late.');
  forAppeal.mockRejectedValueOnce(late).mockResolvedValueOnce();
  await expect(steps.appeal()).rejects.toBe(late);
  steps.code = '654321';
  await steps.submit();
  expect(forAppeal.mock.calls.map(([, , factor]) => factor)).toEqual([{ kind: 'totp', code: '123456' }, { kind: 'totp', code: '654321' }]);
});

it('other refusals offer no appeal, and neither does the console', async () => {
  const steps = typed(new SignInSteps(forAppeal));
  const wrong = new Problem(401, 'auth.wrong_login', 'Wrong.');
  ordinary.mockRejectedValueOnce(wrong).mockRejectedValueOnce(suspended);
  await expect(steps.submit()).rejects.toBe(wrong);
  expect(steps.isSuspended).toBe(false);
  const ofConsole = typed(new SignInSteps());
  await expect(ofConsole.submit()).rejects.toBe(suspended);
  expect(ofConsole.isSuspended).toBe(false);
});
