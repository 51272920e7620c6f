// Proves that storyboards of the server are parsed, and that other ones do no harm.
import { describe, expect, it } from 'vitest';
import { parseStoryboard, spriteAt } from './storyboard';

const text = `WEBVTT

00:00.000 --> 00:02.000
storyboard/0.jpg#xywh=0,0,160,90

2
00:00:02.000 --> 00:00:04.000 align:start
storyboard/0.jpg?t=other#xywh=160,0,160,90

NOTE nothing to see

00:04.000 --> 00:06.000
storyboard/1.jpg#xywh=pixel:0,90,160,90
`;

describe('a storyboard', () => {
  const sprites = parseStoryboard(text, '/v1/media/abc/storyboard?t=grant');

  it('has positions and URLs, with the signature passed on', () => {
    expect(sprites).toHaveLength(3);
    expect(sprites[0]).toEqual({ startSeconds: 0, endSeconds: 2, url: '/v1/media/abc/storyboard/0.jpg?t=grant', x: 0, y: 0, width: 160, height: 90 });
    expect(sprites[1]?.url).toBe('/v1/media/abc/storyboard/0.jpg?t=other');
    expect(sprites[2]).toMatchObject({ url: '/v1/media/abc/storyboard/1.jpg?t=grant', y: 90 });
  });

  it('has the picture of every time', () => {
    expect([0, 1.99, 2, 5, 99, -1].map((at) => spriteAt(sprites, at)?.startSeconds)).toEqual([0, 0, 2, 4, 4, 0]);
    expect(spriteAt([], 3)).toBeNull();
  });

  it('accepts line ends of any kind and leaves out what it cannot parse', () => {
    expect(parseStoryboard(text.replaceAll('\n', '\r\n'), '/s')).toHaveLength(3);
    const odd = 'WEBVTT\n\nsoon --> later\na.jpg#xywh=0,0,1,1\n\n00:00.000 --> 00:01.000\na.jpg\n\n00:00.000 --> 00:01.000\nhttp://elsewhere/a.jpg#xywh=0,0,1,1';
    expect(parseStoryboard(odd, '/s')).toEqual([]);
    expect(parseStoryboard('', '/s')).toEqual([]);
  });
});
