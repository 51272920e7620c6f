// Owns whether this browser shows the member's notices while the page is closed, for the page that asks (PushSection.svelte) and
// at each load (startPush). While the page is shown it says so to the server, which pushes nothing then.
// Invariant: one thing is done at a time, in this tab.
import { getPreferences } from '../api/notifications';
import { getKey, register, remove, setForeground, type DeviceLanguage } from '../api/push';
import { language } from '../messages/language.svelte';
import { session } from '../session/session.svelte';
import { browserPush, pushMemory } from './browserPush';
import { PushDevice, type PushState } from './pushDevice';

/** It ends after 90 s by itself. */
const FOREGROUND_MS = 60_000;
/** Another tab that was left says so at the same time, and must not be the last one. */
const SHOWN_AFTER_MS = 500;

/** That of the preferences if the member has chosen one, else that of the page. */
async function deviceLanguage(): Promise<DeviceLanguage> {
  const { language: chosen } = await getPreferences();
  return chosen === null ? (language.tag as DeviceLanguage) : null;
}

const device = new PushDevice(browserPush, { getKey, register: async (subscription) => register(subscription, await deviceLanguage()), remove }, pushMemory);

class Push {
  /** `null` until it is known. */
  state = $state<PushState | null>(null);
  #last: Promise<unknown> = Promise.resolve();
  #timer: ReturnType<typeof setTimeout> | null = null;
  #follows = false;

  /** Finds out how it stands, and renews what is on. */
  renew = (): Promise<void> => this.#do((member) => device.renew(member));
  turnOn = (): Promise<void> => this.#do((member) => device.turnOn(member));
  turnOff = (): Promise<void> => this.#do((member) => device.turnOff(member));

  /** Ends what a member has switched on who is not signed in any more. */
  async leave(): Promise<void> {
    this.#stopTimer();
    this.state = null;
    await this.#inTurn(() => device.leave());
  }

  async #do(work: (member: string) => Promise<PushState>): Promise<void> {
    const member = session.account?.id;
    if (member === undefined) return;
    const state = await this.#inTurn(() => work(member));
    if (session.account?.id !== member) return;
    this.state = state;
    this.#followVisibility();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }

  #followVisibility(): void {
    if (!this.#follows) document.addEventListener('visibilitychange', () => this.#sayForeground());
    this.#follows = true;
    this.#sayForeground();
  }

  /** Says whether the page is shown; while it is, again and again. */
  #sayForeground(): void {
    this.#stopTimer();
    if (this.state !== 'on') return;
    if (document.hidden) void this.#send(false);
    else this.#timer = setTimeout(() => this.#repeatForeground(), SHOWN_AFTER_MS);
  }

  #repeatForeground(): void {
    void this.#send(true);
    this.#timer = setTimeout(() => this.#repeatForeground(), FOREGROUND_MS);
  }

  /** A failure means a push too many. */
  async #send(isShown: boolean): Promise<void> {
    const id = session.account && device.idFor(session.account.id);
    if (id !== null) await setForeground(id, isShown).catch(() => undefined);
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

export const push = new Push();
