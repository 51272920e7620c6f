// Owns the pushes of each load: the subscription of a member who has switched them on is renewed, and ends with the session.
// Nothing of it is loaded where no member has switched them on.
import { session } from '../session/session.svelte';
import { sessionHint } from '../session/sessionHint';
import { pushMemory } from './browserPush';
import { clearShown } from './shownNotices';

/** How long a sign-out waits for the server to forget this browser. */
const REMOVE_MS = 3_000;

/** Is called once it is known whether a member is signed in. */
export function startPush(): void {
  session.onChange((member) => {
    // Without a server it is not known who is signed in.
    if (member === null && sessionHint.isSignedIn()) return;
    if (member === null) clearShown();
    if (pushMemory.read() === null) return;
    // A failure leaves it as it was until the next load.
    void import('./push.svelte').then(({ push }) => (member === null ? push.leave() : push.renew())).catch(() => undefined);
  });
}

/** Ends the pushes to this browser, before the member signs out. */
export async function endPush(): Promise<void> {
  if (pushMemory.read() === null) return;
  const tooLong = new Promise((done) => setTimeout(done, REMOVE_MS));
  await Promise.race([import('./push.svelte').then(({ push }) => push.turnOff()), tooLong]).catch(() => undefined);
}
