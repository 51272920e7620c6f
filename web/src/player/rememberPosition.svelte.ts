// Owns when the position of a playing item is stored. Does not own which positions are kept: resume.ts does.
import { untrack } from 'svelte';
import { session } from '../session/session.svelte';
import type { Player } from './player.svelte';
import { resume } from './resume';

const INTERVAL_SECONDS = 5;

/** Stores where an item is left: every few seconds, at a pause, and when its component or the page goes. For components. */
export function rememberPosition(player: Player, id: string, duration: () => number): void {
  const member = session.account?.id;
  const save = (): void => {
    // After a sign-out the position would be the next member's.
    if (!player.hasStarted || session.account?.id !== member) return;
    resume.save(id, player.ended ? duration() : player.time, duration());
  };
  $effect(() => {
    void [Math.floor(player.time / INTERVAL_SECONDS), player.paused, player.ended];
    untrack(save);
  });
  $effect(() => {
    addEventListener('pagehide', save);
    return () => {
      removeEventListener('pagehide', save);
      untrack(save);
    };
  });
}
