// Owns the player's keyboard shortcuts: one row each, for the handler and for the list that "?" shows.
// The keys are those of the large video sites.
import m from '#messages/player';
import { SPEEDS, type Player } from './player.svelte';

export interface ShortcutContext {
  player: Player;
  seconds: number;
  fullscreen?: () => void;
  help: () => void;
}

interface Shortcut {
  label: () => string;
  description: () => string;
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
  { label: m.keySpaceOrK, description: m.shortcutPlay, keys: [' ', 'k'], run: ({ player }) => player.toggle() },
  { label: () => '←', description: () => m.shortcutBack({ seconds: 5 }), keys: ['ArrowLeft'], run: seekBy(-5) },
  { label: () => '→', description: () => m.shortcutForward({ seconds: 5 }), keys: ['ArrowRight'], run: seekBy(5) },
  { label: () => 'J', description: () => m.shortcutBack({ seconds: 10 }), keys: ['j'], run: seekBy(-10) },
  { label: () => 'L', description: () => m.shortcutForward({ seconds: 10 }), keys: ['l'], run: seekBy(10) },
  { label: () => '↑', description: m.shortcutLouder, keys: ['ArrowUp'], run: changeVolumeBy(0.05) },
  { label: () => '↓', description: m.shortcutSofter, keys: ['ArrowDown'], run: changeVolumeBy(-0.05) },
  { label: () => 'M', description: m.mute, keys: ['m'], run: ({ player }) => player.toggleMuted() },
  { label: () => 'C', description: m.captions, keys: ['c'], run: ({ player }) => player.toggleCaptions() },
  { label: () => 'F', description: m.fullScreen, keys: ['f'], run: (context) => context.fullscreen?.() },
  { label: () => '<', description: m.shortcutSlower, keys: ['<'], run: changeSpeedBy(-1) },
  { label: () => '>', description: m.shortcutFaster, keys: ['>'], run: changeSpeedBy(1) },
  { label: m.keyDigits, description: m.shortcutTenth, keys: [...'0123456789'], run: ({ player, seconds }, key) => player.seek((seconds * Number(key)) / 10) },
  { label: m.keyHome, description: m.shortcutStart, keys: ['Home'], run: ({ player }) => player.seek(0) },
  { label: m.keyEnd, description: m.shortcutEnd, keys: ['End'], run: ({ player }) => player.seek(player.seekableEnd) },
  { label: () => '?', description: m.shortcutHelp, keys: ['?'], run: (context) => context.help() },
];

/** Runs the shortcut of a key; ignores keys that belong to a field, a button or a dialog. */
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
