// Owns how one media element gets its stream: through hls.js where the browser has Media Source Extensions, by the
// browser's own HLS elsewhere, or as a plain file. Does not own playing. hls.js is fetched when first needed.
import type Hls from 'hls.js';
import type { ErrorData } from 'hls.js';

export interface Quality {
  /** Number of the level in hls.js. */
  level: number;
  height: number;
  bitsPerSecond: number;
}

export interface Attached {
  qualities(): Quality[];
  /** -1 lets the network decide. */
  choose(level: number): void;
  /** The level that is playing, -1 where unknown. */
  playing(): number;
  destroy(): void;
}

export interface Heard {
  changed(): void;
  /** Nothing more can be played from this address: it expired, or the stream is broken. */
  broken(reason: string): void;
}

export interface Source {
  address: string;
  isHls: boolean;
}

const NATIVE = 'application/vnd.apple.mpegurl';

export async function attach(element: HTMLMediaElement, source: Source, startSeconds: number, heard: Heard): Promise<Attached> {
  if (!source.isHls) return plain(element, source.address, startSeconds, heard);
  const { default: Engine } = await import('hls.js');
  if (Engine.isSupported()) return withEngine(Engine, element, source.address, startSeconds, heard);
  if (element.canPlayType(NATIVE)) return plain(element, source.address, startSeconds, heard);
  throw new Error('This browser can’t play streams. Download the file instead.');
}

function plain(element: HTMLMediaElement, address: string, startSeconds: number, heard: Heard): Attached {
  const failed = (): void => heard.broken('The browser can’t play this file.');
  element.addEventListener('error', failed);
  element.src = address;
  if (startSeconds > 0) element.addEventListener('loadedmetadata', () => (element.currentTime = startSeconds), { once: true });
  return {
    qualities: () => [],
    choose: () => undefined,
    playing: () => -1,
    destroy: () => {
      element.removeEventListener('error', failed);
      element.removeAttribute('src');
      element.load();
    },
  };
}

function withEngine(Engine: typeof Hls, element: HTMLMediaElement, address: string, startSeconds: number, heard: Heard): Attached {
  const hls = new Engine({
    // Segments are fragmented MP4 already: nothing to convert, so no worker, and none in the content policy.
    enableWorker: false,
    // A growing playlist is no live broadcast: begin where one is, not at its end, and never hurry after it.
    startPosition: startSeconds,
    maxLiveSyncPlaybackRate: 1,
    backBufferLength: 60,
    maxBufferLength: 30,
    capLevelToPlayerSize: true,
    // Behind a new upload segments may be late; the list says when they come.
    manifestLoadPolicy: patient(8),
    playlistLoadPolicy: patient(8),
    fragLoadPolicy: patient(6),
  });
  let mended = 0;
  hls.on(Engine.Events.ERROR, (_name, data: ErrorData) => {
    if (!data.fatal) return;
    if (data.type === Engine.ErrorTypes.MEDIA_ERROR && mended < 2) {
      mended += 1;
      hls.recoverMediaError();
      return;
    }
    heard.broken(data.type === Engine.ErrorTypes.NETWORK_ERROR ? 'The stream can’t be reached.' : 'The stream can’t be played.');
  });
  for (const event of [Engine.Events.MANIFEST_PARSED, Engine.Events.LEVEL_SWITCHED, Engine.Events.LEVELS_UPDATED] as const) {
    hls.on(event, () => heard.changed());
  }
  hls.loadSource(address);
  hls.attachMedia(element);
  return {
    qualities: () =>
      hls.levels
        .map((level, at) => ({ level: at, height: Math.min(level.height, level.width || level.height), bitsPerSecond: level.bitrate }))
        .filter((quality) => quality.height > 0),
    choose: (level) => {
      // A choice by hand may be larger than the player; only the automatic one is capped.
      if (hls.currentLevel === -1 || level === -1) hls.loadLevel = level;
      else hls.nextLevel = level;
    },
    playing: () => hls.currentLevel,
    destroy: () => hls.destroy(),
  };
}

function patient(tries: number) {
  const retry = { maxNumRetry: tries, retryDelayMs: 500, maxRetryDelayMs: 4_000 };
  return { default: { maxTimeToFirstByteMs: 10_000, maxLoadTimeMs: 60_000, timeoutRetry: retry, errorRetry: retry } };
}
