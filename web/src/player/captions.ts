// Owns how captions become the text tracks of a media element. Does not own which are shown: player.svelte.ts does.

export interface Captions {
  lang: string;
  label: string;
  url: string;
}

/** Replaces the tracks of an element. The browser loads a track when it is shown first. */
export function setTracks(element: HTMLMediaElement, captions: readonly Captions[]): void {
  element.querySelectorAll('track').forEach((track) => track.remove());
  for (const { lang, label, url } of captions) {
    const track = document.createElement('track');
    Object.assign(track, { kind: 'captions', srclang: lang, label, src: url });
    element.append(track);
  }
}

/** Turns off the text tracks that the browser itself adds, as Safari does for the captions of a stream: the page has the same ones. */
export function keepOwnTracks(element: HTMLMediaElement): () => void {
  const turnOff = (): void => {
    const own = new Set([...element.querySelectorAll('track')].map(({ track }) => track));
    for (const track of element.textTracks) if (!own.has(track)) track.mode = 'disabled';
  };
  // The browser turns on what the reader's settings ask for, which is a change.
  for (const event of ['addtrack', 'change']) element.textTracks.addEventListener(event, turnOff);
  return () => ['addtrack', 'change'].forEach((event) => element.textTracks.removeEventListener(event, turnOff));
}

/** Shows the captions of a language, and no others; `null` shows none. */
export function showTrack(element: HTMLMediaElement, lang: string | null): void {
  // An audio element draws no captions: its track is read for the text instead.
  const shown = element instanceof HTMLVideoElement ? 'showing' : 'hidden';
  for (const { track } of element.querySelectorAll('track')) track.mode = track.language === lang ? shown : 'disabled';
}

/** Calls back with the text of the captions that apply, whenever it changes. */
export function readTrack(element: HTMLMediaElement, onText: (text: string) => void): void {
  for (const { track } of element.querySelectorAll('track')) {
    track.addEventListener('cuechange', () => {
      const cues = [...(track.activeCues ?? [])] as VTTCue[];
      onText(cues.map((cue) => cue.getCueAsHTML().textContent ?? '').join('\n'));
    });
  }
}

/** Returns the captions to turn on: those in the language that was chosen last, else in one of the reader's, else the first. */
export function preferredCaptions(captions: readonly Captions[], last: string | null, languages: readonly string[]): Captions | undefined {
  const base = (tag: string): string => tag.split('-')[0] ?? tag;
  for (const tag of [...(last === null ? [] : [last]), ...languages]) {
    const found = captions.find((one) => one.lang === tag) ?? captions.find((one) => base(one.lang) === base(tag));
    if (found) return found;
  }
  return captions[0];
}
