// Owns the player's keys: one row each, for the handler and for the list that "?" shows. Same keys as on the large video sites.
import { SPEEDS, type Player } from './player.svelte';

export interface Reach {
  player: Player;
  seconds: number;
  fullscreen?: () => void;
  help: () => void;
}

interface Key {
  shown: string;
  does: string;
  keys: readonly string[];
  run(reach: Reach, key: string): void;
}

const step = (by: number) => (reach: Reach): void => reach.player.seek(reach.player.time + by);
const louder = (by: number) => (reach: Reach): void => reach.player.setVolume(reach.player.volume + by);
const faster = (by: number) => ({ player }: Reach): void => {
  const at = SPEEDS.findIndex((speed) => speed >= player.speed);
  player.setSpeed(SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, at + by))] ?? 1);
};

export const KEYS: readonly Key[] = [
  { shown: 'Space or K', does: 'Play or pause', keys: [' ', 'k'], run: ({ player }) => player.toggle() },
  { shown: '←', does: 'Back 5 seconds', keys: ['ArrowLeft'], run: step(-5) },
  { shown: '→', does: 'On 5 seconds', keys: ['ArrowRight'], run: step(5) },
  { shown: 'J', does: 'Back 10 seconds', keys: ['j'], run: step(-10) },
  { shown: 'L', does: 'On 10 seconds', keys: ['l'], run: step(10) },
  { shown: '↑', does: 'Louder', keys: ['ArrowUp'], run: louder(0.05) },
  { shown: '↓', does: 'Softer', keys: ['ArrowDown'], run: louder(-0.05) },
  { shown: 'M', does: 'Mute', keys: ['m'], run: ({ player }) => player.toggleMuted() },
  { shown: 'F', does: 'Full screen', keys: ['f'], run: (reach) => reach.fullscreen?.() },
  { shown: '<', does: 'Slower', keys: ['<'], run: faster(-1) },
  { shown: '>', does: 'Faster', keys: ['>'], run: faster(1) },
  { shown: '0 to 9', does: 'To that tenth', keys: [...'0123456789'], run: ({ player, seconds }, key) => player.seek((seconds * Number(key)) / 10) },
  { shown: 'Home', does: 'To the start', keys: ['Home'], run: ({ player }) => player.seek(0) },
  { shown: 'End', does: 'To the end', keys: ['End'], run: ({ player }) => player.seek(player.reachable) },
  { shown: '?', does: 'This list', keys: ['?'], run: (reach) => reach.help() },
];

/** Does what a key stands for; leaves alone what belongs to a field, a button or a dialog. */
export function press(event: KeyboardEvent, reach: Reach): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target instanceof HTMLElement ? event.target : null;
  if (document.querySelector('dialog[open]') || target?.closest('input, textarea, select, [role="menu"]')) return;
  if ((event.key === ' ' || event.key === 'Enter') && target?.closest('button, a, summary')) return;
  const found = KEYS.find((one) => one.keys.includes(event.key.length === 1 ? event.key.toLowerCase() : event.key));
  if (!found) return;
  event.preventDefault();
  found.run(reach, event.key);
}
