// Owns which clip of the page plays, as clips come into view. Does not own the rule (autoplay.ts) nor a clip's stream
// (ClipVideo.svelte). Invariant: at most one clip plays, and none in a hidden tab.
import { MediaQuery } from 'svelte/reactivity';
import { thisDevice } from '../player/preload';
import { clipToPlay, type VisibleClip } from './autoplay';

const reducedMotion = new MediaQuery('(prefers-reduced-motion: reduce)');
const THRESHOLDS = [0, 0.2, 0.4, 0.6, 0.8, 1];

class Clips {
  /** The clip that plays. */
  playing = $state<number | null>(null);
  /** Whether the clips are heard: a reader who turns one up hears the next ones, too. */
  muted = $state(true);
  #lastId = 0;
  #started: number | null = null;
  #paused = new Set<number>();
  #elements = new Map<Element, VisibleClip>();
  #observer: IntersectionObserver | null = null;

  constructor() {
    globalThis.document?.addEventListener('visibilitychange', () => this.#choose());
  }

  /** Watches a clip. Returns its number, and the function that ends it. */
  watch(element: Element): { id: number; stop: () => void } {
    this.#observer ??= new IntersectionObserver((entries) => this.#onIntersection(entries), { threshold: THRESHOLDS });
    this.#lastId += 1;
    const id = this.#lastId;
    this.#elements.set(element, { id, ratio: 0, distance: Infinity });
    this.#observer.observe(element);
    return {
      id,
      stop: () => {
        this.#observer?.unobserve(element);
        this.#elements.delete(element);
        this.#paused.delete(id);
        if (this.#started === id) this.#started = null;
        // The last clip of a page is gone: the next page starts muted.
        if (this.#elements.size === 0) this.muted = true;
        this.#choose();
      },
    };
  }

  start(id: number): void {
    this.#paused.delete(id);
    this.#started = id;
    this.#choose();
  }

  pause(id: number): void {
    this.#paused.add(id);
    if (this.#started === id) this.#started = null;
    this.#choose();
  }

  #onIntersection(entries: IntersectionObserverEntry[]): void {
    for (const { target, intersectionRatio, boundingClientRect: box, rootBounds } of entries) {
      const known = this.#elements.get(target);
      if (!known) continue;
      const middle = rootBounds ? rootBounds.top + rootBounds.height / 2 : innerHeight / 2;
      this.#elements.set(target, { id: known.id, ratio: intersectionRatio, distance: Math.abs(box.top + box.height / 2 - middle) });
      // What has left the screen may begin again when it returns.
      if (intersectionRatio === 0) this.#paused.delete(known.id);
    }
    this.#choose();
  }

  #choose(): void {
    const preference = { reducesMotion: reducedMotion.current, savesData: thisDevice().savesData };
    this.playing = document.hidden ? null : clipToPlay([...this.#elements.values()], preference, this.#started, this.#paused);
  }
}

export const clips = new Clips();
