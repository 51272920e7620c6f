// Owns what the system shows about the item that plays, and its media keys (Media Session API). Does not own playback.
import type { Player } from './player.svelte';

export interface SessionItem {
  title: string;
  /** The URL of a picture. */
  artwork: string | null;
  seconds: number;
  /** `null` where there is no such item. */
  previous: (() => void) | null;
  next: (() => void) | null;
}

const SEEK_SECONDS = 10;

/** Connects a player to the system while it has something to play. For components. */
export function connectMediaSession(player: Player, item: () => SessionItem): void {
  if (!('mediaSession' in navigator)) return;
  const system = navigator.mediaSession;
  // Each effect runs again for what it shows, not for every change of the item.
  const title = $derived(item().title);
  const artwork = $derived(item().artwork);
  const hasPrevious = $derived(item().previous !== null);
  const hasNext = $derived(item().next !== null);

  $effect(() => {
    if (!player.hasStarted) return;
    system.metadata = new MediaMetadata({ title, artwork: artwork ? [{ src: new URL(artwork, location.href).href }] : [] });
    return () => (system.metadata = null);
  });

  $effect(() => {
    if (!player.hasStarted) return;
    const seekBy = (seconds: number) => (): void => player.seek(player.time + seconds);
    const handlers: [MediaSessionAction, MediaSessionActionHandler | null][] = [
      ['play', () => void player.play()],
      ['pause', () => player.pause()],
      ['seekto', ({ seekTime }) => seekTime !== undefined && player.seek(seekTime)],
      ['seekbackward', seekBy(-SEEK_SECONDS)],
      ['seekforward', seekBy(SEEK_SECONDS)],
      ['previoustrack', hasPrevious ? () => item().previous?.() : null],
      ['nexttrack', hasNext ? () => item().next?.() : null],
    ];
    const set = (action: MediaSessionAction, handler: MediaSessionActionHandler | null): void => {
      try {
        system.setActionHandler(action, handler);
      } catch {
        // A browser refuses the actions that it does not know.
      }
    };
    for (const [action, handler] of handlers) set(action, handler);
    return () => handlers.forEach(([action]) => set(action, null));
  });

  $effect(() => {
    if (!player.hasStarted) return;
    system.playbackState = player.paused ? 'paused' : 'playing';
    return () => (system.playbackState = 'none');
  });

  $effect(() => {
    const duration = item().seconds;
    if (!player.hasStarted || duration <= 0) return;
    system.setPositionState({ duration, position: Math.min(duration, Math.floor(player.time)), playbackRate: player.speed });
  });
}
