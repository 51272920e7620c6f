// Owns when this browser is a device that a member's notices are pushed to: switching that on and off, renewing it, and ending
// it with the session. Does not own what the browser does for it: browserPush.ts does. Uses no browser API.
// Invariant: a browser is subscribed for the member who is signed in to it, who has switched it on, or not at all.
import type { BrowserSubscription } from '../api/push';

/**
 * `unsupported`: the browser cannot; `not-installed`: it can once the page is installed (iOS); `unavailable`: the installation
 * pushes nothing to browsers; `denied`: the member has forbidden it in the browser.
 */
export type PushState = 'unsupported' | 'not-installed' | 'unavailable' | 'denied' | 'off' | 'on';

export interface Subscribed extends BrowserSubscription {
  /** The key that it was made with, in base64url. */
  key: string | null;
}

/** What the browser does. */
export interface PushBrowser {
  support(): 'full' | 'when-installed' | 'none';
  permission(): NotificationPermission;
  /** Asks the member. Browsers want this to follow a click at once. */
  requestPermission(): Promise<NotificationPermission>;
  /** Returns the subscription that there is. */
  find(): Promise<Subscribed | null>;
  subscribe(key: string): Promise<Subscribed>;
  /** Ends the subscription, and takes away what is shown. */
  unsubscribe(): Promise<void>;
}

/** What the server does. */
export interface PushServer {
  getKey(): Promise<string | null>;
  /** Returns the id of the device. */
  register(subscription: BrowserSubscription): Promise<string>;
  remove(device: string): Promise<void>;
}

/** Who has switched it on in this browser, and the device's id. */
export interface KnownDevice {
  member: string;
  device: string;
}

/** What is remembered between loads. */
export interface PushMemory {
  read(): KnownDevice | null;
  write(known: KnownDevice | null): void;
}

export class PushDevice {
  constructor(
    private readonly browser: PushBrowser,
    private readonly server: PushServer,
    private readonly memory: PushMemory,
  ) {}

  /** Returns the id of the device that this browser is for a member. */
  idFor(member: string): string | null {
    const known = this.memory.read();
    return known?.member === member ? known.device : null;
  }

  /** Finds out how it stands. What was switched on is renewed: browsers end subscriptions, and members their permission. */
  async renew(member: string): Promise<PushState> {
    const support = this.browser.support();
    if (support !== 'full') return support === 'none' ? 'unsupported' : 'not-installed';
    const known = this.memory.read();
    if (known !== null && known.member !== member) await this.leave();
    const isOn = this.idFor(member) !== null;
    const permission = this.browser.permission();
    if (isOn && permission !== 'granted') await this.turnOff(member);
    if (permission === 'denied') return 'denied';
    const key = await this.server.getKey();
    if (key === null) return 'unavailable';
    if (!isOn || permission !== 'granted') return 'off';
    await this.#register(member, key);
    return 'on';
  }

  /** Switches it on, after a click. */
  async turnOn(member: string): Promise<PushState> {
    const permission = await this.browser.requestPermission();
    if (permission !== 'granted') return permission === 'denied' ? 'denied' : 'off';
    const key = await this.server.getKey();
    if (key === null) return 'unavailable';
    await this.#register(member, key);
    return 'on';
  }

  /** Switches it off. Afterwards this browser shows nothing, even if the server cannot be reached. */
  async turnOff(member: string): Promise<PushState> {
    const device = this.idFor(member);
    await this.leave();
    // Otherwise the server learns it from the browser's push service, with the next push.
    if (device !== null) await this.server.remove(device).catch(() => undefined);
    return 'off';
  }

  /** Ends it for a member who is not signed in any more. */
  async leave(): Promise<void> {
    this.memory.write(null);
    await this.browser.unsubscribe();
  }

  async #register(member: string, key: string): Promise<void> {
    const found = await this.browser.find();
    if (found !== null && found.key !== key) await this.browser.unsubscribe();
    const { endpoint, keys } = found?.key === key ? found : await this.browser.subscribe(key);
    this.memory.write({ member, device: await this.server.register({ endpoint, keys }) });
  }
}
