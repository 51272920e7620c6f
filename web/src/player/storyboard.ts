// Owns parsing a storyboard: WebVTT cues whose text is a picture's URL with `#xywh=` (Media Fragments 1.0, §4.2.2).
// Invariant: the cues are sorted; a cue that cannot be parsed is left out.

export interface Sprite {
  startSeconds: number;
  endSeconds: number;
  url: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

export function parseStoryboard(text: string, base: string): Sprite[] {
  const sprites: Sprite[] = [];
  for (const block of text.replace(/\r\n?/g, '\n').replace(/^\uFEFF/, '').split(/\n{2,}/)) {
    const lines = block.split('\n');
    const timing = lines.findIndex((line) => line.includes('-->'));
    const [start, end] = (lines[timing] ?? '').split('-->').map((part) => seconds(part.trim().split(/\s/)[0] ?? ''));
    const target = lines[timing + 1]?.trim();
    if (timing < 0 || start === undefined || end === undefined || Number.isNaN(start) || Number.isNaN(end) || !target) continue;
    const sprite = parseTarget(target, base);
    if (sprite) sprites.push({ startSeconds: start, endSeconds: end, ...sprite });
  }
  return sprites.sort((a, b) => a.startSeconds - b.startSeconds);
}

/** The sprite for a time: the last one that starts at or before it. */
export function spriteAt(sprites: readonly Sprite[], time: number): Sprite | null {
  let low = 0;
  let high = sprites.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sprites[middle]?.startSeconds ?? 0) <= time) low = middle + 1;
    else high = middle;
  }
  return sprites[low - 1] ?? sprites[0] ?? null;
}

/** `01:02:03.500` or `02:03.500` in seconds. */
function seconds(text: string): number {
  if (!/^(\d+:)?\d{1,2}:\d{1,2}\.\d{3}$/.test(text)) return Number.NaN;
  return text.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
}

function parseTarget(target: string, base: string): Pick<Sprite, 'url' | 'x' | 'y' | 'width' | 'height'> | null {
  const match = /^(.*?)#xywh=(?:pixel:)?(\d+),(\d+),(\d+),(\d+)$/.exec(target);
  if (!match) return null;
  const [, path, x, y, width, height] = match;
  const root = new URL(base, 'http://tutti.invalid');
  const url = new URL(path ?? '', root);
  if (url.origin !== root.origin) return null;
  // A picture of a private item needs the same signature as its storyboard.
  const signature = root.searchParams.get('t');
  if (signature && !url.searchParams.has('t')) url.searchParams.set('t', signature);
  return { url: url.pathname + url.search, x: Number(x), y: Number(y), width: Number(width), height: Number(height) };
}
