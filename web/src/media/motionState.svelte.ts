// Owns the state of one animated picture: whether it moves. For components.
import { MediaQuery } from 'svelte/reactivity';
import { thisDevice } from '../player/preload';
import { isMoving } from './motion';

const reducedMotion = new MediaQuery('(prefers-reduced-motion: reduce)');

export class Motion {
  #choice = $state<boolean | null>(null);

  get moving(): boolean {
    return isMoving({ reducesMotion: reducedMotion.current, savesData: thisDevice().savesData }, this.#choice);
  }

  toggle(): void {
    this.#choice = !this.moving;
  }
}
