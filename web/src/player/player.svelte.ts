// Owns playback: the state that the controls show, and the media element that plays. A second element exists only while
// the player switches to another URL (from the growing playlist to the whole ladder, or because a signed URL expired): it
// is hidden, seeks to the same time and then replaces the first one without a visible jump.
// Invariant: exactly one element is audible, and `time` is always that element's.
import m from '#messages/player';
import { tryStorage } from '../ui/storage';
import { preferredCaptions, readTrack, setTracks, showTrack, type Captions } from './captions';
import { loadsBeforePlay, thisDevice } from './preload';
import { attachStream, type AttachedStream, type Quality, type Source, type StreamListener } from './hls';

export const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2] as const;
const VOLUME_KEY = 'tutti.volume';
/** The language of the captions that the member chose last; empty while they are off. */
const CAPTIONS_KEY = 'tutti.captions';
/** How far ahead of the playing element the new element seeks, in seconds at normal speed. */
const LEAD_SECONDS = 0.6;
const SWITCH_TIMEOUT_MS = 12_000;

interface ActiveStream {
  element: HTMLMediaElement;
  stream: AttachedStream;
}

export class Player {
  paused = $state(true);
  waiting = $state(false);
  ended = $state(false);
  time = $state(0);
  /** The end of the seekable range in seconds; less than the duration while the item is converted. */
  seekableEnd = $state(0);
  buffered = $state(0);
  volume = $state(1);
  muted = $state(false);
  speed = $state(1);
  qualities = $state.raw<Quality[]>([]);
  /** Height in pixels that the member selected, or `null` for automatic. */
  selectedHeight = $state<number | null>(null);
  /** Height in pixels of the level that is playing, if known. */
  playingHeight = $state<number | null>(null);
  captions = $state.raw<readonly Captions[]>([]);
  /** The language of the captions that are shown, or `null`. */
  captionsLanguage = $state<string | null>(null);
  /** What the captions of a song say now: only a video draws its own. */
  captionsText = $state('');
  error = $state<string | null>(null);
  /** Whether playback has started once: until then the poster is shown. */
  hasStarted = $state(false);

  #host: HTMLElement | null = null;
  #active: ActiveStream | null = null;
  #generation = 0;
  /** Play was requested before a stream was attached. */
  #playRequested = false;
  #lastCaptionsLanguage: string | null = null;
  /** What Play opens, where nothing is loaded before. */
  #deferred: Source | null = null;

  constructor(
    private readonly tag: 'video' | 'audio',
    /** Called when a stream cannot be played any more; its owner may open another. */
    public onError: () => void = () => undefined,
  ) {
    const stored = Number(tryStorage(() => localStorage.getItem(VOLUME_KEY)) ?? '1');
    this.volume = stored >= 0 && stored <= 1 ? stored : 1;
  }

  get element(): HTMLMediaElement | null {
    return this.#active?.element ?? null;
  }

  /** Shows the picture in `host`. A player without a host has sound only. */
  mount(host: HTMLElement): () => void {
    this.#host = host;
    return () => {
      this.close();
      this.#host = null;
    };
  }

  close(): void {
    this.#generation += 1;
    this.#deferred = null;
    this.#destroy(this.#active);
    this.#active = null;
    this.paused = true;
  }

  /** Where playback starts. */
  startAt(seconds: number): void {
    if (!this.hasStarted) this.time = seconds;
  }

  /** Opens a source: the first one directly, on a phone with Play, every later one without a jump. */
  async open(source: Source): Promise<void> {
    this.#deferred = !this.#active && !this.#playRequested && !loadsBeforePlay(thisDevice()) ? source : null;
    if (this.#deferred) return;
    const generation = (this.#generation += 1);
    try {
      if (this.#active && this.hasStarted && !this.error) await this.#switchTo(source, generation);
      else await this.#start(source, generation);
    } catch (error) {
      if (generation !== this.#generation) return;
      this.waiting = false;
      this.error = error instanceof Error ? error.message : m.playbackFailed();
    }
  }

  async play(): Promise<void> {
    const element = this.element;
    this.#playRequested = element === null;
    if (this.#deferred) {
      this.waiting = true;
      return this.open(this.#deferred);
    }
    if (!element) return;
    try {
      await element.play();
    } catch (error) {
      if (error instanceof DOMException && error.name === 'NotAllowedError') this.paused = true;
    }
  }

  pause(): void {
    this.#playRequested = false;
    this.element?.pause();
  }

  toggle(): void {
    if (this.paused) void this.play();
    else this.pause();
  }

  seek(seconds: number): void {
    const element = this.element;
    if (!element) return this.startAt(Math.max(0, seconds));
    const end = this.seekableEnd > 0 ? this.seekableEnd : seconds;
    element.currentTime = Math.min(Math.max(0, seconds), end);
    this.time = element.currentTime;
    this.ended = false;
  }

  setVolume(volume: number): void {
    this.volume = Math.min(1, Math.max(0, volume));
    this.muted = false;
    tryStorage(() => localStorage.setItem(VOLUME_KEY, String(this.volume)));
    this.#applySettings(this.element);
  }

  toggleMuted(): void {
    this.muted = !this.muted;
    this.#applySettings(this.element);
  }

  setSpeed(speed: number): void {
    this.speed = speed;
    this.#applySettings(this.element);
  }

  choose(height: number | null): void {
    this.selectedHeight = height;
    if (this.#active) this.#applyQuality(this.#active.stream);
  }

  /** Sets the captions that the item has. They are on where the member had them on last, if there are any in that language. */
  setCaptions(captions: readonly Captions[]): void {
    if (JSON.stringify(captions) === JSON.stringify(this.captions)) return;
    this.captions = captions;
    const wanted = this.captionsLanguage ?? tryStorage(() => localStorage.getItem(CAPTIONS_KEY));
    this.captionsLanguage = captions.find((one) => one.lang === wanted)?.lang ?? null;
    if (this.element) this.#applyCaptions(this.element, true);
  }

  /** Shows the captions in a language; `null` shows none. */
  chooseCaptions(lang: string | null): void {
    if (this.captionsLanguage) this.#lastCaptionsLanguage = this.captionsLanguage;
    this.captionsLanguage = lang;
    tryStorage(() => localStorage.setItem(CAPTIONS_KEY, lang ?? ''));
    if (this.element) this.#applyCaptions(this.element);
  }

  toggleCaptions(): void {
    if (this.captions.length === 0) return;
    this.chooseCaptions(this.captionsLanguage ? null : (preferredCaptions(this.captions, this.#lastCaptionsLanguage, navigator.languages)?.lang ?? null));
  }

  async #start(source: Source, generation: number): Promise<void> {
    const at = this.time;
    // A stream that failed during playback continues to play.
    this.#playRequested ||= this.#active !== null && !this.paused && !this.ended;
    this.#destroy(this.#active);
    this.#active = null;
    this.error = null;
    const element = this.#createElement();
    element.classList.add('shown');
    this.#applySettings(element);
    const stream = await attachStream(element, source, at, this.#listenerFor(element));
    if (generation !== this.#generation) return this.#destroy({ element, stream });
    this.#active = { element, stream };
    this.#addEventListeners(element);
    this.#readQualities(stream);
    if (this.#playRequested) await this.play();
  }

  async #switchTo(source: Source, generation: number): Promise<void> {
    const old = this.#active;
    if (!old) return;
    const element = this.#createElement();
    element.muted = true;
    element.playbackRate = this.speed;
    const stream = await attachStream(element, source, old.element.currentTime, this.#listenerFor(element));
    const next: ActiveStream = { element, stream };
    try {
      await waitUntil(element, () => element.readyState >= HTMLMediaElement.HAVE_METADATA, SWITCH_TIMEOUT_MS);
      this.#applyQuality(stream);
      await this.#synchronize(old.element, element);
    } catch (error) {
      this.#destroy(next);
      if (generation === this.#generation && old.element.error) throw error;
      return;
    }
    if (generation !== this.#generation || this.#active !== old) return this.#destroy(next);
    element.classList.add('shown');
    this.#active = next;
    this.#applySettings(element);
    this.#addEventListeners(element);
    this.#readQualities(stream);
    this.#readState(element);
    this.#destroy(old);
    // A browser that starts audio only after a gesture may have paused the new element.
    if (!this.paused && element.paused) await this.play();
  }

  /** Brings the new element to the current time of the old one, and starts it if the old one plays. */
  async #synchronize(old: HTMLMediaElement, next: HTMLMediaElement): Promise<void> {
    const ready = (): boolean => !next.seeking && next.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA;
    const isPaused = (): boolean => old.paused || old.ended;
    for (;;) {
      const target = old.currentTime + (isPaused() ? 0 : LEAD_SECONDS * this.speed);
      next.currentTime = target;
      await waitUntil(next, () => !next.seeking && next.readyState >= (isPaused() ? HTMLMediaElement.HAVE_CURRENT_DATA : HTMLMediaElement.HAVE_FUTURE_DATA), SWITCH_TIMEOUT_MS);
      if (isPaused()) {
        if (Math.abs(old.currentTime - next.currentTime) < 0.05) return;
        continue;
      }
      // The old element stalls at the end of the converted part: the new one need not wait for it.
      if (old.readyState < HTMLMediaElement.HAVE_FUTURE_DATA && ready()) {
        next.currentTime = old.currentTime;
        await waitUntil(next, ready, SWITCH_TIMEOUT_MS);
        await next.play();
        return;
      }
      if (old.currentTime > target) continue;
      await waitUntil(old, () => isPaused() || old.currentTime >= target - 0.03 || Math.abs(old.currentTime - target) > 5, SWITCH_TIMEOUT_MS);
      if (isPaused() || Math.abs(old.currentTime - target) > 1) continue;
      await next.play();
      return;
    }
  }

  #createElement(): HTMLMediaElement {
    const element = document.createElement(this.tag);
    element.preload = 'auto';
    if (element instanceof HTMLVideoElement) element.playsInline = true;
    this.#applyCaptions(element, true);
    (this.#host ?? document.body).append(element);
    return element;
  }

  #destroy(active: ActiveStream | null): void {
    if (!active) return;
    active.element.pause();
    active.stream.destroy();
    active.element.remove();
  }

  #listenerFor(element: HTMLMediaElement): StreamListener {
    return {
      onQualitiesChanged: () => {
        if (this.#active?.element === element) this.#readQualities(this.#active.stream);
      },
      onError: (reason) => {
        if (this.#active?.element !== element) return;
        this.error = reason;
        this.onError();
      },
    };
  }

  #readQualities(stream: AttachedStream): void {
    this.qualities = stream.qualities();
    this.playingHeight = this.qualities.find((one) => one.level === stream.currentLevel())?.height ?? null;
    if (this.selectedHeight !== null) this.#applyQuality(stream);
  }

  #applyQuality(stream: AttachedStream): void {
    const wanted = this.selectedHeight === null ? undefined : stream.qualities().find((one) => one.height === this.selectedHeight);
    stream.choose(wanted?.level ?? -1);
  }

  #applySettings(element: HTMLMediaElement | null): void {
    if (!element) return;
    element.volume = this.volume;
    element.muted = this.muted;
    element.playbackRate = this.speed;
  }

  #applyCaptions(element: HTMLMediaElement, areNew = false): void {
    if (areNew) {
      setTracks(element, this.captions);
      if (this.tag === 'audio') readTrack(element, (text) => (this.captionsText = text));
    }
    showTrack(element, this.captionsLanguage);
    if (!this.captionsLanguage) this.captionsText = '';
  }

  #readState(element: HTMLMediaElement): void {
    this.time = element.currentTime;
    this.ended = element.ended;
    const { seekable, buffered } = element;
    this.seekableEnd = seekable.length > 0 ? seekable.end(seekable.length - 1) : 0;
    let end = 0;
    for (let at = 0; at < buffered.length; at += 1) if (buffered.start(at) <= element.currentTime + 0.1) end = Math.max(end, buffered.end(at));
    this.buffered = end;
  }

  #addEventListeners(element: HTMLMediaElement): void {
    const ifActive = (work: () => void) => (): void => {
      if (this.#active?.element === element) work();
    };
    const read = ifActive(() => this.#readState(element));
    for (const name of ['timeupdate', 'progress', 'durationchange', 'seeking', 'seeked', 'loadedmetadata', 'ended']) element.addEventListener(name, read);
    element.addEventListener('play', ifActive(() => ((this.paused = false), (this.hasStarted = true))));
    element.addEventListener('pause', ifActive(() => (this.paused = true)));
    element.addEventListener('waiting', ifActive(() => (this.waiting = true)));
    element.addEventListener('playing', ifActive(() => ((this.waiting = false), (this.hasStarted = true))));
    element.addEventListener('canplay', ifActive(() => (this.waiting = false)));
    this.paused = element.paused;
  }
}

/** Waits until a condition of an element holds; checks at every frame. */
function waitUntil(element: HTMLMediaElement, holds: () => boolean, limitMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const check = (): void => {
      if (holds()) resolve();
      else if (element.error) reject(new Error(m.playbackFailed()));
      else if (performance.now() - start > limitMs) reject(new Error(m.streamTooSlow()));
      else nextFrame(check);
    };
    check();
  });
}

// A hidden tab has no animation frames, but the switch must finish there too.
const nextFrame = (work: () => void): void => {
  if (document.hidden) setTimeout(work, 100);
  else requestAnimationFrame(work);
};
