// Proves which captions the button turns on, and that no text is shown twice.
import { expect, it } from 'vitest';
import { keepOwnTracks, preferredCaptions } from './captions';

it('captions are turned on in the last language, else in the reader’s, else in the first', () => {
  const captions = ['de', 'en-GB', 'pt-BR'].map((lang) => ({ lang, label: lang, url: '' }));
  const preferred = (last: string | null, ...languages: string[]): string | undefined => preferredCaptions(captions, last, languages)?.lang;
  expect([preferred('pt-BR', 'de'), preferred(null, 'fr', 'en-US'), preferred('sv', 'pt'), preferred(null, 'sv')]).toEqual(['pt-BR', 'en-GB', 'pt-BR', 'de']);
  expect(preferredCaptions([], null, ['en'])).toBeUndefined();
});

it('tracks that the browser adds are turned off as long as the page has its own', () => {
  const [own, added] = [{ mode: 'showing' }, { mode: 'showing' }];
  const textTracks = Object.assign(new EventTarget(), { *[Symbol.iterator]() { yield* [own, added]; } });
  const element = { textTracks, querySelectorAll: () => [{ track: own }] } as unknown as HTMLMediaElement;
  const release = keepOwnTracks(element);
  textTracks.dispatchEvent(new Event('addtrack'));
  expect([own.mode, added.mode]).toEqual(['showing', 'disabled']);
  added.mode = 'showing';
  textTracks.dispatchEvent(new Event('change'));
  expect(added.mode).toBe('disabled');
  release();
  added.mode = 'showing';
  textTracks.dispatchEvent(new Event('change'));
  expect(added.mode).toBe('showing');
});
