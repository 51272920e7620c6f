// Proves that our renditions of a picture look as the browser shows its original, whatever the file says about its colours
// and its transparency.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Page } from '@playwright/test';
import { ApiClient } from './apiClient';
import { expect, ffmpeg, test } from './fixtures';
import * as make from './pictures';
import { HEIGHT, WIDTH, stripes, type Pixel } from './pictures';

/** How far a channel may differ, in steps of 255. */
const TOLERANCE = 6;
/** The formats that we write, each on a background that shows through where it should. */
const FORMATS = { webp: 'teal', avif: 'teal', jpeg: 'white' } as const;

interface Drawing {
  file: Buffer;
  background: string;
}

/** Draws pictures as the browser shows them; returns the average colour of a patch in each quarter, from the left. */
const draw = (page: Page, drawings: Drawing[]): Promise<number[][]> =>
  page.evaluate(
    async ({ drawings, width, height }) => {
      const context = new OffscreenCanvas(width, height).getContext('2d', { colorSpace: 'srgb', willReadFrequently: true });
      const patches: number[][] = [];
      for (const { url, background } of drawings) {
        const image = new Image();
        image.src = url;
        await image.decode();
        if (!context) throw new Error('no canvas');
        context.fillStyle = background;
        context.fillRect(0, 0, width, height);
        context.drawImage(image, 0, 0, width, height);
        const average = (x: number, channel: number): number =>
          context.getImageData(x - 12, height / 2 - 12, 24, 24).data.reduce((sum, value, at) => (at % 4 === channel ? sum + value : sum), 0) / 576;
        patches.push([1, 3, 5, 7].flatMap((eighth) => [0, 1, 2].map((channel) => average((eighth * width) / 8, channel))));
      }
      return patches;
    },
    { drawings: drawings.map(({ file, background }) => ({ url: `data:;base64,${file.toString('base64')}`, background })), width: WIDTH, height: HEIGHT },
  );

const COLOURS: Pixel[] = [[200, 60, 40], [60, 180, 70], [50, 70, 190], [180, 180, 180]];
const RGB = stripes(...COLOURS);
const YCBCR = stripes(...COLOURS.map(make.ycbcr));
const GREY = stripes([100], [30], [180], [250]);
// Ink as light, as every program stores it: 255 is none.
const INKS: Pixel[] = [[200, 60, 40, 255], [60, 180, 70, 220], [255, 255, 255, 120], [180, 90, 230, 255]];
// Before Chromium applies a profile, it mixes black into the other inks, so its greys are brown. These have no black.
const COLOURED_INKS = stripes(...COLOURS.map((light) => [...light, 255]));
const YCCK = stripes(...INKS.map((light) => [...make.ycbcr(light.slice(0, 3).map((value) => 255 - value)), light[3] ?? 0]));

/** Pictures that are written byte by byte. */
function written(): Record<string, Buffer> {
  const [wide, inks] = [make.displayProfile(563 / 256, make.ADOBE_RGB), make.inkProfile()];
  return {
    'grey, linear.jpg': make.jpeg(GREY, make.inParts(make.greyProfile(1), 1)),
    'grey, gamma 1.8.jpg': make.jpeg(GREY, make.inParts(make.greyProfile(1.8), 1)),
    'grey profile.png': make.png(GREY, make.embedded(make.greyProfile(1))),
    'a grey profile of a coloured picture.jpg': make.jpeg(YCBCR, make.inParts(make.greyProfile(1), 1)),
    'parts of a profile out of order.jpg': make.jpeg(YCBCR, make.inParts(wide, 2, 1)),
    'RGB as RGB.jpg': make.jpeg(RGB, make.adobe(0)),
    'gAMA 1.png': make.png(RGB, make.gamma(1)),
    'gAMA of grey.png': make.png(GREY, make.gamma(1 / 1.8)),
    'gAMA and cHRM of Display P3.png': make.png(RGB, make.gamma(0.45455), make.chromaticities(3127, 3290, 6800, 3200, 2650, 6900, 1500, 600)),
    'gAMA and a cHRM of nothing.png': make.png(RGB, make.gamma(1), make.chromaticities(0, 0, 0, 0, 0, 0, 0, 0)),
    'gAMA behind a damaged profile.png': make.png(RGB, make.embedded(Buffer.alloc(200, 7)), make.gamma(1)),
    'cICP of Display P3 before a profile.png': make.png(RGB, make.codePoints(12, 13), make.embedded(make.displayProfile(1, make.ADOBE_RGB))),
    'cICP of nothing before a profile.png': make.png(RGB, make.codePoints(2, 2), make.embedded(wide)),
    'cICP of BT.2020.png': make.png(RGB, make.codePoints(9, 13)),
    'cICP of BT.709.png': make.png(RGB, make.codePoints(1, 1)),
    'cICP of CIE 1931.png': make.png(RGB, make.codePoints(10, 8)),
    'cICP of PQ.png': make.png(stripes([60, 60, 60], [130, 130, 130], [170, 170, 170], [140, 130, 120]), make.codePoints(9, 16)),
    'cICP of HLG.png': make.png(RGB, make.codePoints(9, 18)),
    'CMYK.jpg': make.jpeg(stripes(...INKS)),
    'CMYK of Adobe.jpg': make.jpeg(stripes(...INKS), make.adobe(0)),
    'YCCK.jpg': make.jpeg(YCCK, make.adobe(2)),
    'CMYK with a profile.jpg': make.jpeg(COLOURED_INKS, make.inParts(inks, 1)),
    'CMYK of Adobe with a profile.jpg': make.jpeg(COLOURED_INKS, make.adobe(0), make.inParts(inks, 2, 1)),
  };
}

/** Pictures that need an encoder. */
async function encoded(folder: string): Promise<Record<string, Buffer>> {
  const at = (name: string): string => join(folder, name);
  const [plain, square, profiled] = [at('plain.png'), at('square.png'), at('profiled.png')];
  const wide = make.displayProfile(563 / 256, make.ADOBE_RGB);
  await writeFile(plain, make.png(RGB));
  await writeFile(profiled, make.png(RGB, make.embedded(wide)));
  await writeFile(square, make.png((x, y) => (x >= 80 && x < 240 && y >= 60 && y < 180 ? [230, 20, 20, 255] : [0, 0, 0, 0])));
  const half = ['-f', 'lavfi', '-i', `color=red:s=${WIDTH / 2}x${HEIGHT / 2},format=bgra`, '-frames:v', '1'];
  const lossless = ['-c:v', 'libwebp', '-lossless', '1', '-pix_fmt', 'bgra'];
  const heif = (...args: string[]): Promise<unknown> => promisify(execFile)('heif-enc', ['-A', '-q', '95', ...args]);
  const av1 = ['-c:v', 'libaom-av1', '-cpu-used', '8', '-crf', '8', '-still-picture', '1', '-color_range', 'pc', '-colorspace', 'bt709'];
  await Promise.all([
    ffmpeg('-i', plain, '-vf', 'scale=out_color_matrix=bt709:out_range=pc,format=yuv444p', ...av1, '-color_primaries', 'smpte432', '-color_trc', 'iec61966-2-1', at('wide.avif')),
    heif(square, '-o', at('square.avif')),
    heif(profiled, '-o', at('profiled.avif')),
    ffmpeg('-i', square, '-c:v', 'libwebp', '-q:v', '90', '-pix_fmt', 'yuva420p', at('square.webp')),
    ffmpeg('-i', plain, ...lossless, at('plain.webp')),
    ffmpeg(...half, ...lossless, at('half.webp')),
    ffmpeg(...half, at('half.gif')),
  ]);
  const [p3, gif] = [await readFile(at('wide.avif')), await readFile(at('half.gif'))];
  const withCodePoints = (...points: [primaries: number, transfer: number]): Buffer => {
    const avif = Buffer.from(p3);
    points.forEach((value, index) => avif.writeUInt16BE(value, avif.indexOf('nclx') + 4 + 2 * index));
    return avif;
  };
  // The screen is twice as large as its only frame, which is in the middle.
  const frame = gif.indexOf(Buffer.from([0x2c, 0, 0, 0, 0, WIDTH / 2, 0, HEIGHT / 2, 0]));
  gif.writeUInt16LE(WIDTH, 6);
  gif.writeUInt16LE(HEIGHT, 8);
  gif.writeUInt16LE(WIDTH / 4, frame + 1);
  gif.writeUInt16LE(HEIGHT / 4, frame + 3);
  return {
    'nclx of Display P3.avif': p3,
    'nclx of BT.2020.avif': withCodePoints(9, 13),
    'nclx of a camera.avif': withCodePoints(12, 1),
    'nclx of HLG.avif': withCodePoints(9, 18),
    'a profile.avif': await readFile(at('profiled.avif')),
    'a profile.webp': make.profiled(await readFile(at('plain.webp')), wide),
    'transparent.avif': await readFile(at('square.avif')),
    'transparent.webp': await readFile(at('square.webp')),
    'a part of the screen.webp': make.partialFrame(await readFile(at('half.webp')), true),
    'a part of the screen, not declared.webp': make.partialFrame(await readFile(at('half.webp')), false),
    'a part of the screen.gif': gif,
  };
}

test('pictures look as the browser shows their originals', async ({ page, server, member }) => {
  const folder = await mkdtemp(join(tmpdir(), 'tutti-e2e-colour-'));
  const originals = Object.entries({ ...written(), ...(await encoded(folder)) });
  const client = await ApiClient.signUp(server.serverUrl, member);
  const ids: string[] = [];
  for (const [name, file] of originals) {
    await writeFile(join(folder, name), file);
    ids.push((await client.send(join(folder, name))).id);
  }
  await rm(folder, { recursive: true });

  const pairs = await Promise.all(
    originals.map(async ([name, file], at) => {
      const { urls } = await client.ready(ids[at] ?? '');
      const pair = async ([format, background]: [string, string]): Promise<{ what: string; drawings: [Drawing, Drawing] }> => {
        const url = new URL(urls.image ?? '', server.serverUrl);
        url.searchParams.set('format', format);
        const response = await fetch(url);
        expect(response.headers.get('Content-Type'), name).toBe(`image/${format}`);
        return { what: `${name} as ${format}`, drawings: [{ file, background }, { file: Buffer.from(await response.arrayBuffer()), background }] };
      };
      return Promise.all(Object.entries(FORMATS).map(pair));
    }),
  ).then((all) => all.flat());
  const patches = await draw(page, pairs.flatMap(({ drawings }) => drawings));
  const different = pairs.flatMap(({ what }, at) => {
    const [wanted = [], shown = []] = patches.slice(2 * at, 2 * at + 2);
    const maximum = Math.max(...wanted.map((value, channel) => Math.abs(value - (shown[channel] ?? NaN))));
    return maximum <= TOLERANCE ? [] : [`${what}: ${shown.map(Math.round)} instead of ${wanted.map(Math.round)}`];
  });
  expect(different).toEqual([]);
});
