// Owns the steps of a sign-in: the password, then a second factor if the server asks for one. Does not own the form or
// what follows. Invariant: the password is kept only until the page is left; nothing is stored.
import { tick } from 'svelte';
import { signIn } from '../api/accounts';
import { getPasskey } from '../api/passkeys';
import { isProblem, type Problem } from '../api/problem';
import { codeKind, factorKinds } from './factorKinds';
import { typedCode } from './typedCode';

export class SignInSteps {
  login = $state('');
  password = $state('');
  kind = $state<'totp' | 'recovery'>('totp');
  code = $state('');
  /** What the server asked for after the right password. */
  #request = $state.raw<Problem | null>(null);

  /** Whether the password was right and a second factor is asked for. */
  get isSecond(): boolean {
    return this.#request !== null;
  }
  /** The kinds of second factors that the account has. */
  get kinds(): string[] {
    return factorKinds(this.#request?.members['factors']);
  }

  /** The options for a passkey, if the account has one. */
  get passkey(): unknown {
    return this.#request?.members['passkey'];
  }

  /** Sends the password. The server may ask for a second factor. */
  async #begin(): Promise<void> {
    try {
      await signIn(this.login.trim(), this.password);
    } catch (cause) {
      if (!isProblem(cause, 'auth.second_factor')) throw cause;
      this.#request = cause;
      this.kind = codeKind(this.kinds);
    }
  }

  submit = async (): Promise<void> => {
    if (this.#request === null) await this.#begin();
    else await signIn(this.login.trim(), this.password, { kind: this.kind, code: typedCode(this.code) });
  };

  submitPasskey = async (): Promise<void> => {
    try {
      await signIn(this.login.trim(), this.password, { kind: 'passkey', assertion: await getPasskey(this.passkey) });
    } catch (cause) {
      // A challenge can be used once, so another try needs a new one.
      await this.#begin();
      throw cause;
    }
  };

  startAgain = async (): Promise<void> => {
    this.#request = null;
    this.code = '';
    await tick();
    // The button that had the focus is gone.
    document.querySelector<HTMLElement>('main h1')?.focus();
  };
}
