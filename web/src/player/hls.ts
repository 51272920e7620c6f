// Owns how one media element gets its stream: through hls.js where the browser has Media Source Extensions, by the
// browser's own HLS elsewhere, or as a plain file. Does not own playback. hls.js is loaded when first needed.
import m from '#messages/player';
import type Hls from 'hls.js';
import type { ErrorData } from 'hls.js';
import { keepOwnTracks } from './captions';

export interface Quality {
  /** Index of the level in hls.js. */
  level: number;
  height: number;
  bitsPerSecond: number;
}

export interface AttachedStream {
  qualities(): Quality[];
  /** Selects a level; -1 lets hls.js choose by bandwidth. */
  choose(level: number): void;
  /** The level that is playing, or -1 if unknown. */
  currentLevel(): number;
  destroy(): void;
}

export interface StreamListener {
  onQualitiesChanged(): void;
  /** Nothing more can be played from this URL: it expired, or the stream is damaged. */
  onError(reason: string): void;
}

export interface Source {
  url: string;
  isHls: boolean;
}

const NATIVE = 'application/vnd.apple.mpegurl';

export async function attachStream(element: HTMLMediaElement, source: Source, startSeconds: number, listener: StreamListener): Promise<AttachedStream> {
  if (!source.isHls) return plainFile(element, source.url, startSeconds, listener);
  const { default: HlsJs } = await import('hls.js').catch(() => {
    throw new Error(m.streamUnreachable());
  });
  if (HlsJs.isSupported()) return withHlsJs(HlsJs, element, source.url, startSeconds, listener);
  if (element.canPlayType(NATIVE)) {
    const [stream, release] = [plainFile(element, source.url, startSeconds, listener), keepOwnTracks(element)];
    return { ...stream, destroy: () => (release(), stream.destroy()) };
  }
  throw new Error(m.streamsUnsupported());
}

function plainFile(element: HTMLMediaElement, url: string, startSeconds: number, listener: StreamListener): AttachedStream {
  const failed = (): void => listener.onError(m.fileUnplayable());
  element.addEventListener('error', failed);
  element.src = url;
  if (startSeconds > 0) element.addEventListener('loadedmetadata', () => (element.currentTime = startSeconds), { once: true });
  return {
    qualities: () => [],
    choose: () => undefined,
    currentLevel: () => -1,
    destroy: () => {
      element.removeEventListener('error', failed);
      element.removeAttribute('src');
      element.load();
    },
  };
}

function withHlsJs(HlsJs: typeof Hls, element: HTMLMediaElement, url: string, startSeconds: number, listener: StreamListener): AttachedStream {
  const hls = new HlsJs({
    // Segments are fragmented MP4 already, so there is nothing to transmux: no worker, and none in the content policy.
    enableWorker: false,
    // A growing playlist is not a live broadcast: start at the given position, not at its end, and never speed up.
    startPosition: startSeconds,
    maxLiveSyncPlaybackRate: 1,
    // The page adds the captions itself; hls.js leaves the element's text tracks alone.
    renderTextTracksNatively: false,
    backBufferLength: 60,
    maxBufferLength: 30,
    capLevelToPlayerSize: true,
    // Segments of a new upload may be late, so requests are retried for some time.
    manifestLoadPolicy: retryPolicy(8),
    playlistLoadPolicy: retryPolicy(8),
    fragLoadPolicy: retryPolicy(6),
  });
  let recoveries = 0;
  hls.on(HlsJs.Events.ERROR, (_name, data: ErrorData) => {
    if (!data.fatal) return;
    if (data.type === HlsJs.ErrorTypes.MEDIA_ERROR && recoveries < 2) {
      recoveries += 1;
      hls.recoverMediaError();
      return;
    }
    listener.onError(data.type === HlsJs.ErrorTypes.NETWORK_ERROR ? m.streamUnreachable() : m.streamUnplayable());
  });
  for (const event of [HlsJs.Events.MANIFEST_PARSED, HlsJs.Events.LEVEL_SWITCHED, HlsJs.Events.LEVELS_UPDATED] as const) {
    hls.on(event, () => listener.onQualitiesChanged());
  }
  hls.loadSource(url);
  hls.attachMedia(element);
  return {
    qualities: () =>
      hls.levels
        .map((level, at) => ({ level: at, height: Math.min(level.height, level.width || level.height), bitsPerSecond: level.bitrate }))
        .filter((quality) => quality.height > 0),
    choose: (level) => {
      // A selected level may be larger than the player; only automatic selection is capped.
      if (hls.currentLevel === -1 || level === -1) hls.loadLevel = level;
      else hls.nextLevel = level;
    },
    currentLevel: () => hls.currentLevel,
    destroy: () => hls.destroy(),
  };
}

function retryPolicy(tries: number) {
  const retry = { maxNumRetry: tries, retryDelayMs: 500, maxRetryDelayMs: 4_000 };
  return { default: { maxTimeToFirstByteMs: 10_000, maxLoadTimeMs: 60_000, timeoutRetry: retry, errorRetry: retry } };
}
