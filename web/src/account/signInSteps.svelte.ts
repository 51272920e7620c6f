// Owns the steps of a sign-in: the password, then a second factor if the server asks for one; of a member who is suspended,
// the same once more for an appeal, where there is one. Does not own the form or what follows.
// Invariant: the password is kept only until the page is left; nothing is stored.
import { tick } from 'svelte';
import { signIn } from '../api/accounts';
import { getPasskey } from '../api/passkeys';
import { isProblem, type Problem } from '../api/problem';
import type { FactorProof } from '../api/types';
import { codeKind, factorKinds } from './factorKinds';
import { typedCode } from './typedCode';

type Act = () => Promise<void>;
type SignIn = (login: string, password: string, factor?: FactorProof) => Promise<void>;

export class SignInSteps {
  login = $state('');
  password = $state('');
  kind = $state<'totp' | 'recovery'>('totp');
  code = $state('');
  /** What the server asked for after the right password. */
  #request = $state.raw<Problem | null>(null);
  /** What signs in for an appeal, once the server has said that the account is suspended. */
  #appeal = $state.raw<Act | null>(null);
  /** Whether the steps that are being taken are those for an appeal. */
  #isForAppeal = false;

  /** `signInForAppeal`: without it no appeal is offered. */
  constructor(private readonly signInForAppeal: SignIn | null = null) {}

  /** Whether the password was right and a second factor is asked for. */
  get isSecond(): boolean {
    return this.#request !== null;
  }
  /** Whether the account is suspended, and its member can sign in for an appeal. */
  get isSuspended(): boolean {
    return this.signInForAppeal !== null && this.#appeal !== null;
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
      await this.#send();
    } catch (cause) {
      if (!isProblem(cause, 'auth.second_factor')) throw cause;
      this.#request = cause;
      this.kind = codeKind(this.kinds);
    }
  }

  submit = (): Promise<void> => {
    if (!this.isSecond) this.#isForAppeal = false;
    return this.attempt(this.#submit, () => this.#again(this.#submit));
  };

  submitPasskey = (): Promise<void> => this.attempt(this.#submitPasskey, () => this.#again(this.#submitPasskey));

  /** Runs a sign-in. If the account is suspended, `appeal` does the same for an appeal. */
  attempt = async (act: Act, appeal: Act): Promise<void> => {
    this.#appeal = null;
    try {
      await act();
    } catch (cause) {
      if (isProblem(cause, 'auth.suspended')) this.#appeal = appeal;
      throw cause;
    }
  };

  /** Signs in for an appeal, with what the server has refused because the account is suspended. */
  appeal = async (): Promise<void> => this.#appeal?.();

  async #again(act: Act): Promise<void> {
    this.#isForAppeal = true;
    await act();
  }

  #send(factor?: FactorProof): Promise<void> {
    const send = (this.#isForAppeal ? this.signInForAppeal : null) ?? signIn;
    return send(this.login.trim(), this.password, factor);
  }

  #submit = async (): Promise<void> => {
    if (this.#request === null) await this.#begin();
    else await this.#send({ kind: this.kind, code: typedCode(this.code) });
  };

  #submitPasskey = async (): Promise<void> => {
    try {
      await this.#send({ kind: 'passkey', assertion: await getPasskey(this.passkey) });
    } catch (cause) {
      // A challenge can be used once, so another try needs a new one.
      await this.#begin();
      throw cause;
    }
  };

  startAgain = async (): Promise<void> => {
    this.#request = null;
    this.#appeal = null;
    this.#isForAppeal = false;
    this.code = '';
    await tick();
    // The button that had the focus is gone.
    document.querySelector<HTMLElement>('main h1')?.focus();
  };
}
