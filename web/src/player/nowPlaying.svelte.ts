// Owns which song plays, so that it goes on when the member visits another page. Part of the first load, so it knows the
// player by its type only. Invariant: at most one song plays, and none of a member who has signed out.
import { session } from '../session/session.svelte';
import type { Player } from './player.svelte';
// Positions are cleared on sign-out even if nothing was played since the load.
import './resume';

export interface Track {
  id: string;
  name: string;
  cover: string | null;
  seconds: number;
  player: Player;
}

class NowPlaying {
  track = $state.raw<Track | null>(null);

  constructor() {
    session.onChange(() => this.stop());
  }

  /** Makes a song the one that plays; the one before is closed. */
  start(track: Track): void {
    if (this.track && this.track.player !== track.player) this.stop();
    this.track = track;
  }

  stop(): void {
    this.track?.player.close();
    this.track = null;
  }
}

export const nowPlaying = new NowPlaying();
