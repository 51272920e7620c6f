// Owns the player's keys: one row each, for the handler and for the list that "?" shows. Same keys as on the large video sites.
import { SPEEDS, type Player } from './player.svelte';

export interface ShortcutContext {
  player: Player;
  seconds: number;
  fullscreen?: () => void;
  help: () => void;
}

interface Shortcut {
  label: string;
  description: string;
  keys: readonly string[];
  run(context: ShortcutContext, key: string): void;
}

const seekBy = (by: number) => (context: ShortcutContext): void => context.player.seek(context.player.time + by);
const changeVolumeBy = (by: number) => (context: ShortcutContext): void => context.player.setVolume(context.player.volume + by);
const changeSpeedBy = (by: number) => ({ player }: ShortcutContext): void => {
  const at = SPEEDS.findIndex((speed) => speed >= player.speed);
  player.setSpeed(SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, at + by))] ?? 1);
};

export const SHORTCUTS: readonly Shortcut[] = [
  { label: 'Space or K', description: 'Play or pause', keys: [' ', 'k'], run: ({ player }) => player.toggle() },
  { label: '←', description: 'Back 5 seconds', keys: ['ArrowLeft'], run: seekBy(-5) },
  { label: '→', description: 'On 5 seconds', keys: ['ArrowRight'], run: seekBy(5) },
  { label: 'J', description: 'Back 10 seconds', keys: ['j'], run: seekBy(-10) },
  { label: 'L', description: 'On 10 seconds', keys: ['l'], run: seekBy(10) },
  { label: '↑', description: 'Louder', keys: ['ArrowUp'], run: changeVolumeBy(0.05) },
  { label: '↓', description: 'Softer', keys: ['ArrowDown'], run: changeVolumeBy(-0.05) },
  { label: 'M', description: 'Mute', keys: ['m'], run: ({ player }) => player.toggleMuted() },
  { label: 'F', description: 'Full screen', keys: ['f'], run: (context) => context.fullscreen?.() },
  { label: '<', description: 'Slower', keys: ['<'], run: changeSpeedBy(-1) },
  { label: '>', description: 'Faster', keys: ['>'], run: changeSpeedBy(1) },
  { label: '0 to 9', description: 'To that tenth', keys: [...'0123456789'], run: ({ player, seconds }, key) => player.seek((seconds * Number(key)) / 10) },
  { label: 'Home', description: 'To the start', keys: ['Home'], run: ({ player }) => player.seek(0) },
  { label: 'End', description: 'To the end', keys: ['End'], run: ({ player }) => player.seek(player.seekableEnd) },
  { label: '?', description: 'This list', keys: ['?'], run: (context) => context.help() },
];

/** Does what a key stands for; leaves alone what belongs to a field, a button or a dialog. */
export function handleShortcut(event: KeyboardEvent, context: ShortcutContext): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target instanceof HTMLElement ? event.target : null;
  if (document.querySelector('dialog[open]') || target?.closest('input, textarea, select, [role="menu"]')) return;
  if ((event.key === ' ' || event.key === 'Enter') && target?.closest('button, a, summary')) return;
  const shortcut = SHORTCUTS.find((one) => one.keys.includes(event.key.length === 1 ? event.key.toLowerCase() : event.key));
  if (!shortcut) return;
  event.preventDefault();
  shortcut.run(context, event.key);
}
