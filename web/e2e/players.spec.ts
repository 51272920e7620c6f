// Proves that players play to the end what is uneven: tracks of different lengths in the page's player, and switches between
// a copied rendition with long segments and an encoded one in hls.js and Shaka Player.
import { basename, join } from 'node:path';
import type { Page } from '@playwright/test';
import type Hls from 'hls.js';
import { ApiClient } from './apiClient';
import { addFiles, expect, ffmpeg, openItem, test, waitUntilReady, type Files, type Member } from './fixtures';

// One after the other: beside each other they would take each other's processor time, and a stall would be the machine's.
test.describe.configure({ mode: 'default' });

const X264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-c:a', 'aac'];

test('tracks of unequal length play to the end of the longest', async ({ home, files }) => {
  const picture = (seconds: number): string[] => ['-f', 'lavfi', '-i', `testsrc2=s=160x90:r=25:d=${seconds}`];
  const tone = (seconds: number): string[] => ['-f', 'lavfi', '-i', `sine=440:d=${seconds}`];
  const rows: [name: string, seconds: number, inputs: string[]][] = [
    ['one-picture.mp4', 3, [...picture(0.04), ...tone(3)]],
    ['short-audio.mp4', 12, [...picture(12), ...tone(2)]],
    ['short-video.mp4', 12, [...picture(2), ...tone(12)]],
    // An edit list says that the audio begins after two seconds.
    ['late-audio.mp4', 7, [...picture(3), '-itsoffset', '2', ...tone(5), '-map', '0', '-map', '1']],
  ];
  const paths = await Promise.all(
    rows.map(async ([name, , inputs]) => {
      const path = join(files.folder, name);
      await ffmpeg(...inputs, ...X264, path);
      return path;
    }),
  );
  await addFiles(home, ...paths);
  for (const [name] of rows) await waitUntilReady(home, name);
  for (const [name, seconds] of rows) {
    await home.goto('/');
    await openItem(home, name);
    await home.getByRole('main').getByRole('button', { name: 'Play', exact: true }).first().click();
    const state = (): Promise<{ time: number; duration: number; ended: boolean }> =>
      home.evaluate(() => {
        const video = document.querySelector<HTMLVideoElement>('video.shown');
        if (video) video.playbackRate = 4;
        return { time: video?.currentTime ?? -1, duration: video?.duration ?? -1, ended: video?.ended ?? false };
      });
    await expect.poll(async () => (await state()).ended, { message: `${name} ends` }).toBe(true);
    const { time, duration } = await state();
    expect(Math.abs(time - seconds), `${name} ends at ${time}`).toBeLessThan(0.25);
    expect(Math.abs(duration - seconds), `${name} lasts ${duration}`).toBeLessThan(0.25);
  }
});

/** What is used of Shaka Player. */
interface Shaka {
  Player: new () => {
    attach(video: HTMLVideoElement): Promise<void>;
    configure(settings: object): boolean;
    load(url: string): Promise<void>;
    getVariantTracks(): { height: number }[];
    selectVariantTrack(track: object, clearBuffer: boolean): void;
  };
}

/** What a viewer saw. */
interface Watched {
  /** The heights of the pictures, one for each run of equal ones. */
  heights: number[];
  /** The farthest step back, in seconds of the video. */
  back: number;
  /** How many pictures were decoded, those included that a busy browser did not show: fewer if the player skipped some, more if it repeated some. */
  pictures: number;
  /** How often playback waited for bytes. A busy decoder, which has bytes, isn't counted. */
  stalls: number;
  end: number;
}

/** How the players are made to switch: as they do themselves, with much loaded ahead; or hls.js at once, throwing away what is loaded. */
type Way = 'ahead' | 'at once';

/** Plays a video whose highest rendition is a copy with keyframes every ten seconds, switches down and up, and says what was seen. */
async function watchSwitches(page: Page, serverUrl: string, files: Files, member: Member, way: Way): Promise<Record<string, Watched>> {
  const path = join(files.folder, 'long-groups.mp4');
  // Keyframes every ten seconds: standard input, whose own video is the highest rendition, in segments of ten seconds, which the
  // encoded renditions share.
  await ffmpeg('-f', 'lavfi', '-i', 'testsrc2=s=640x360:r=25:d=50', '-f', 'lavfi', '-i', 'sine=440:d=50', '-g', '250', '-keyint_min', '250', '-sc_threshold', '0', ...X264, path);
  const client = await ApiClient.signUp(serverUrl, member);
  const { urls } = await client.ready((await client.send(path)).id);
  const renditions = await (await fetch(serverUrl + urls.hls)).text();
  expect(renditions, basename(path)).toContain('v360/playlist.m3u8');
  const segments = async (name: string): Promise<string[]> => {
    const uri = renditions.split('\n').find((line) => line.startsWith(`${name}/`)) ?? '';
    const playlist = await (await fetch(new URL(uri, serverUrl + urls.hls))).text();
    return playlist.split('\n').filter((line) => /^#EXT(INF|-X-TARGETDURATION)/.test(line));
  };
  expect(await segments('v240'), basename(path)).toEqual(await segments('v360'));

  await page.route('**/players.html', (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html><html lang="en"><title>Players</title></html>' }));
  await page.goto('/players.html');
  await page.addScriptTag({ path: 'node_modules/hls.js/dist/hls.min.js' });
  await page.addScriptTag({ path: 'node_modules/shaka-player/dist/shaka-player.compiled.js' });
  const watched = await page.evaluate(
    async ({ url, down, up, isForced }) => {
      const { Hls: HlsJs, shaka } = globalThis as unknown as { Hls: typeof Hls; shaka: Shaka };
      const newVideo = (): HTMLVideoElement => {
        const video = document.createElement('video');
        video.muted = true;
        // Loading resets the rate to the default one.
        video.defaultPlaybackRate = 2;
        document.body.append(video);
        return video;
      };
      /** Plays to the end, and calls `choose` where another rendition is to follow. */
      const watch = (video: HTMLVideoElement, choose: (isHigh: boolean) => void): Promise<Watched> => {
        const seen: Watched = { heights: [], back: 0, pictures: 0, stalls: 0, end: 0 };
        let last: VideoFrameCallbackMetadata | null = null;
        const onFrame = (_now: number, frame: VideoFrameCallbackMetadata): void => {
          if (last) seen.back = Math.min(seen.back, frame.mediaTime - last.mediaTime);
          if (seen.heights.at(-1) !== frame.height) seen.heights.push(frame.height);
          last = frame;
          video.requestVideoFrameCallback(onFrame);
        };
        video.requestVideoFrameCallback(onFrame);
        const secondsAhead = (): number => {
          const { buffered, currentTime } = video;
          for (let at = 0; at < buffered.length; at += 1) {
            if (buffered.start(at) <= currentTime && currentTime < buffered.end(at)) return buffered.end(at) - currentTime;
          }
          return 0;
        };
        video.addEventListener('waiting', () => (seen.stalls += last && !video.ended && secondsAhead() < 0.5 ? 1 : 0));
        const plan: [seconds: number, isHigh: boolean][] = [[down, false], [up, true]];
        video.addEventListener('timeupdate', () => {
          const [next] = plan;
          if (!next || video.currentTime < next[0]) return;
          plan.shift();
          choose(next[1]);
        });
        return new Promise((resolve, reject) => {
          video.addEventListener('error', () => reject(new Error(video.error?.message)));
          video.addEventListener('ended', () => resolve({ ...seen, pictures: video.getVideoPlaybackQuality().totalVideoFrames, end: video.currentTime }));
          setTimeout(() => reject(new Error(`It stands at ${video.currentTime}: ${JSON.stringify(seen)}`)), 90_000);
          void video.play();
        });
      };

      const first = newVideo();
      const hls = new HlsJs({ enableWorker: false, autoStartLoad: false, ...(isForced ? {} : { maxBufferLength: 12, maxMaxBufferLength: 12 }) });
      const parsed = new Promise<void>((resolve) => hls.once(HlsJs.Events.MANIFEST_PARSED, () => resolve()));
      hls.loadSource(url);
      hls.attachMedia(first);
      await parsed;
      const levels = hls.levels.map((level, at) => ({ height: level.height, at })).sort((a, b) => b.height - a.height);
      const [high, low] = [levels[0]?.at ?? -1, levels[1]?.at ?? -1];
      hls.loadLevel = high;
      hls.startLoad(0);

      const second = newVideo();
      const player = new shaka.Player();
      await player.attach(second);
      player.configure({ abr: { enabled: false }, streaming: { bufferingGoal: 12 } });
      await player.load(url);
      const tracks = player.getVariantTracks().sort((a, b) => b.height - a.height);
      const choose = (isHigh: boolean, clearBuffer = false): void => player.selectVariantTrack(tracks[isHigh ? 0 : 1] ?? {}, clearBuffer);
      choose(true, true);

      // One after the other: two decoders at once are what a busy machine drops first.
      // `loadLevel` is what its own choice of a level sets.
      const byHls = await watch(first, (isHigh) => (hls[isForced ? 'nextLevel' : 'loadLevel'] = isHigh ? high : low));
      if (isForced) return { 'hls.js': byHls };
      const byShaka = await watch(second, choose);
      return { 'hls.js': byHls, 'Shaka Player': byShaka };
    },
    { url: urls.hls ?? '', down: way === 'ahead' ? 2 : 4, up: way === 'ahead' ? 22 : 14, isForced: way === 'at once' },
  );
  return watched as Record<string, Watched>;
}

function expectSmooth(watched: Record<string, Watched>): void {
  for (const [name, seen] of Object.entries(watched)) {
    const shown = `${name}: ${JSON.stringify(seen)}`;
    // Shaka Player may show a picture of its own choice before the first one is selected.
    expect(seen.heights.slice(-3), shown).toEqual([360, 240, 360]);
    expect(seen.back, shown).toBeGreaterThan(-0.001);
    expect(Math.abs(seen.pictures - 50 * 25), shown).toBeLessThan(10);
    expect(seen.stalls, shown).toBe(0);
    expect(Math.abs(seen.end - 50), shown).toBeLessThan(0.25);
  }
}

test('hls.js and Shaka Player switch between a copied rendition and its neighbour without a stall or a repeat', async ({ page, serverUrl, files, member }) => {
  expectSmooth(await watchSwitches(page, serverUrl, files, member, 'ahead'));
});

test('a switch that throws away what is loaded is as smooth', async ({ page, serverUrl, files, member }) => {
  expectSmooth(await watchSwitches(page, serverUrl, files, member, 'at once'));
});
