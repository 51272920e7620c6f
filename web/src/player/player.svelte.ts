// Owns playing: one state that the controls show, over one element that is heard and seen. A second element exists
// only while the player moves to another address (from the growing playlist to the whole ladder, or past an expired
// grant): it is brought to the same moment unseen and then takes over, so that nobody notices.
// Invariant: exactly one element is audible, and `time` is always that element's.
import { attach, type Attached, type Quality, type Source } from './hls';

export const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2] as const;
const VOLUME_KEY = 'tutti.volume';
/** How far ahead of the playing element its successor waits. */
const AHEAD_SECONDS = 0.6;
const HANDOVER_MS = 12_000;

interface Live {
  element: HTMLMediaElement;
  stream: Attached;
}

export class Player {
  paused = $state(true);
  waiting = $state(false);
  ended = $state(false);
  time = $state(0);
  /** The end of what can be sought to now; less than the whole while converting runs. */
  reachable = $state(0);
  buffered = $state(0);
  volume = $state(1);
  muted = $state(false);
  speed = $state(1);
  qualities = $state.raw<Quality[]>([]);
  /** Height chosen by hand, or `null` for automatic. */
  chosen = $state<number | null>(null);
  /** Height on screen, where known. */
  playingHeight = $state<number | null>(null);
  trouble = $state<string | null>(null);
  /** Has begun to play at least once: until then a poster is shown. */
  begun = $state(false);

  #host: HTMLElement | null = null;
  #live: Live | null = null;
  #turn = 0;
  /** Playing was asked for before there was anything to play. */
  #eager = false;

  constructor(
    private readonly tag: 'video' | 'audio',
    private readonly onBroken: () => void = () => undefined,
  ) {
    const stored = Number(localStorage.getItem(VOLUME_KEY) ?? '1');
    this.volume = stored >= 0 && stored <= 1 ? stored : 1;
  }

  get element(): HTMLMediaElement | null {
    return this.#live?.element ?? null;
  }

  mount(host: HTMLElement): () => void {
    this.#host = host;
    return () => {
      this.#turn += 1;
      this.#drop(this.#live);
      this.#live = null;
      this.#host = null;
    };
  }

  /** Opens an address: the first one plainly, every later one without a jump. */
  async open(source: Source): Promise<void> {
    const turn = (this.#turn += 1);
    try {
      if (this.#live && this.begun && !this.trouble) await this.#handOver(source, turn);
      else await this.#begin(source, turn);
    } catch (error) {
      if (turn === this.#turn) this.trouble = error instanceof Error ? error.message : 'This can’t be played.';
    }
  }

  async play(): Promise<void> {
    const element = this.element;
    this.#eager = element === null;
    if (!element) return;
    try {
      await element.play();
    } catch (error) {
      if (error instanceof DOMException && error.name === 'NotAllowedError') this.paused = true;
    }
  }

  pause(): void {
    this.#eager = false;
    this.element?.pause();
  }

  toggle(): void {
    if (this.paused) void this.play();
    else this.pause();
  }

  seek(seconds: number): void {
    const element = this.element;
    if (!element) return;
    const end = this.reachable > 0 ? this.reachable : seconds;
    element.currentTime = Math.min(Math.max(0, seconds), end);
    this.time = element.currentTime;
    this.ended = false;
  }

  setVolume(volume: number): void {
    this.volume = Math.min(1, Math.max(0, volume));
    this.muted = false;
    localStorage.setItem(VOLUME_KEY, String(this.volume));
    this.#apply(this.element);
  }

  toggleMuted(): void {
    this.muted = !this.muted;
    this.#apply(this.element);
  }

  setSpeed(speed: number): void {
    this.speed = speed;
    this.#apply(this.element);
  }

  choose(height: number | null): void {
    this.chosen = height;
    if (this.#live) this.#applyQuality(this.#live.stream);
  }

  async #begin(source: Source, turn: number): Promise<void> {
    const at = this.time;
    // What broke while it played goes on playing.
    this.#eager ||= this.#live !== null && !this.paused && !this.ended;
    this.#drop(this.#live);
    this.#live = null;
    this.trouble = null;
    const element = this.#make();
    element.classList.add('shown');
    this.#apply(element);
    const stream = await attach(element, source, at, this.#heard(element));
    if (turn !== this.#turn) return this.#drop({ element, stream });
    this.#live = { element, stream };
    this.#listen(element);
    this.#learn(stream);
    if (this.#eager) await this.play();
  }

  async #handOver(source: Source, turn: number): Promise<void> {
    const old = this.#live;
    if (!old) return;
    const element = this.#make();
    element.muted = true;
    element.playbackRate = this.speed;
    const stream = await attach(element, source, old.element.currentTime, this.#heard(element));
    const next: Live = { element, stream };
    try {
      await until(element, () => element.readyState >= HTMLMediaElement.HAVE_METADATA, HANDOVER_MS);
      this.#applyQuality(stream);
      await this.#meet(old.element, element);
    } catch (error) {
      this.#drop(next);
      if (turn === this.#turn && old.element.error) throw error;
      return;
    }
    if (turn !== this.#turn || this.#live !== old) return this.#drop(next);
    element.classList.add('shown');
    this.#live = next;
    this.#apply(element);
    this.#listen(element);
    this.#learn(stream);
    this.#read(element);
    this.#drop(old);
    // A browser that lets only gestures start sound may have stopped the new element.
    if (!this.paused && element.paused) await this.play();
  }

  /** Brings the successor to the very moment the old element is at, running if that runs. */
  async #meet(old: HTMLMediaElement, next: HTMLMediaElement): Promise<void> {
    const ready = (): boolean => !next.seeking && next.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA;
    const still = (): boolean => old.paused || old.ended;
    for (;;) {
      const target = old.currentTime + (still() ? 0 : AHEAD_SECONDS * this.speed);
      next.currentTime = target;
      await until(next, () => !next.seeking && next.readyState >= (still() ? HTMLMediaElement.HAVE_CURRENT_DATA : HTMLMediaElement.HAVE_FUTURE_DATA), HANDOVER_MS);
      if (still()) {
        if (Math.abs(old.currentTime - next.currentTime) < 0.05) return;
        continue;
      }
      // The old one stalls at the edge of what is converted: the new one need not wait for it.
      if (old.readyState < HTMLMediaElement.HAVE_FUTURE_DATA && ready()) {
        next.currentTime = old.currentTime;
        await until(next, ready, HANDOVER_MS);
        await next.play();
        return;
      }
      if (old.currentTime > target) continue;
      await until(old, () => still() || old.currentTime >= target - 0.03 || Math.abs(old.currentTime - target) > 5, HANDOVER_MS);
      if (still() || Math.abs(old.currentTime - target) > 1) continue;
      await next.play();
      return;
    }
  }

  #make(): HTMLMediaElement {
    const element = document.createElement(this.tag);
    element.preload = 'auto';
    if (element instanceof HTMLVideoElement) element.playsInline = true;
    this.#host?.append(element);
    return element;
  }

  #drop(live: Live | null): void {
    if (!live) return;
    live.element.pause();
    live.stream.destroy();
    live.element.remove();
  }

  #heard(element: HTMLMediaElement): { changed: () => void; broken: (reason: string) => void } {
    return {
      changed: () => {
        if (this.#live?.element === element) this.#learn(this.#live.stream);
      },
      broken: (reason) => {
        if (this.#live?.element !== element) return;
        this.trouble = reason;
        this.onBroken();
      },
    };
  }

  #learn(stream: Attached): void {
    this.qualities = stream.qualities();
    this.playingHeight = this.qualities.find((one) => one.level === stream.playing())?.height ?? null;
    if (this.chosen !== null) this.#applyQuality(stream);
  }

  #applyQuality(stream: Attached): void {
    const wanted = this.chosen === null ? undefined : stream.qualities().find((one) => one.height === this.chosen);
    stream.choose(wanted?.level ?? -1);
  }

  #apply(element: HTMLMediaElement | null): void {
    if (!element) return;
    element.volume = this.volume;
    element.muted = this.muted;
    element.playbackRate = this.speed;
  }

  #read(element: HTMLMediaElement): void {
    this.time = element.currentTime;
    this.ended = element.ended;
    const { seekable, buffered } = element;
    this.reachable = seekable.length > 0 ? seekable.end(seekable.length - 1) : 0;
    let end = 0;
    for (let at = 0; at < buffered.length; at += 1) if (buffered.start(at) <= element.currentTime + 0.1) end = Math.max(end, buffered.end(at));
    this.buffered = end;
  }

  #listen(element: HTMLMediaElement): void {
    const mine = (work: () => void) => (): void => {
      if (this.#live?.element === element) work();
    };
    const read = mine(() => this.#read(element));
    for (const name of ['timeupdate', 'progress', 'durationchange', 'seeking', 'seeked', 'loadedmetadata', 'ended']) element.addEventListener(name, read);
    element.addEventListener('play', mine(() => ((this.paused = false), (this.begun = true))));
    element.addEventListener('pause', mine(() => (this.paused = true)));
    element.addEventListener('waiting', mine(() => (this.waiting = true)));
    element.addEventListener('playing', mine(() => ((this.waiting = false), (this.begun = true))));
    element.addEventListener('canplay', mine(() => (this.waiting = false)));
    this.paused = element.paused;
  }
}

/** Waits until something holds of an element; looks at every frame. */
function until(element: HTMLMediaElement, holds: () => boolean, limitMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const look = (): void => {
      if (holds()) resolve();
      else if (element.error) reject(new Error('This can’t be played.'));
      else if (performance.now() - start > limitMs) reject(new Error('The stream is too slow just now.'));
      else schedule(look);
    };
    look();
  });
}

// Frames stop in a tab that isn't seen; the handover must not.
const schedule = (work: () => void): void => {
  if (document.hidden) setTimeout(work, 100);
  else requestAnimationFrame(work);
};
