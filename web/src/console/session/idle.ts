// Owns when a console that is not used is closed, so that an unattended screen shows nothing. Does not own the session:
// the server ends it after the same time without a request (accounts.operators_idle_minutes).
// Invariant: it is closed once, and not before the time without any input has passed.

/** As long as the server's default. */
export const IDLE_MS = 30 * 60_000;
/** How often the time is compared. A timer of the whole length would stand still while the device sleeps. */
const CHECK_MS = 15_000;
/** The events that show that the operator is there. */
export const INPUT = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart'] as const;

export class IdleClock {
  #lastInput: number;

  constructor(
    private readonly limitMs: number,
    now: number,
  ) {
    this.#lastInput = now;
  }

  /** An input after the time has passed comes too late. */
  input(now: number): void {
    if (!this.isOver(now)) this.#lastInput = now;
  }

  isOver(now: number): boolean {
    return now - this.#lastInput >= this.limitMs;
  }

  restart(now: number): void {
    this.#lastInput = now;
  }
}

/** Calls `close` whenever nothing was used for `IDLE_MS`. */
export function watchIdle(close: () => void): void {
  const clock = new IdleClock(IDLE_MS, Date.now());
  const check = (): void => {
    if (!clock.isOver(Date.now())) return;
    clock.restart(Date.now());
    close();
  };
  for (const type of INPUT) {
    const listener = (): void => {
      check();
      clock.input(Date.now());
    };
    addEventListener(type, listener, { passive: true, capture: true });
  }
  addEventListener('visibilitychange', check);
  setInterval(check, CHECK_MS);
}
