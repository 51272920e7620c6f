// Owns parsing a song's waveform and resampling it to the number of bars that fit.
// Invariant: bars are between 0 and 1, loudest 1, whatever unit the peaks came in.

/** Takes `{peaks: […]}` or a bare list. */
export function parseWaveform(body: unknown): number[] {
  const peaks = Array.isArray(body) ? body : typeof body === 'object' && body !== null && 'peaks' in body ? body.peaks : [];
  if (!Array.isArray(peaks)) return [];
  const sizes = peaks.map((peak) => (typeof peak === 'number' && Number.isFinite(peak) ? Math.abs(peak) : 0));
  const loudest = sizes.reduce((most, size) => Math.max(most, size), 0);
  return loudest > 0 ? sizes.map((size) => size / loudest) : sizes;
}

/** `count` bars: each the loudest of its share. */
export function bars(peaks: readonly number[], count: number): number[] {
  if (peaks.length === 0) return Array.from({ length: count }, () => 0);
  return Array.from({ length: count }, (_, at) => {
    const from = Math.floor((at * peaks.length) / count);
    const to = Math.max(from + 1, Math.floor(((at + 1) * peaks.length) / count));
    return peaks.slice(from, to).reduce((most, peak) => Math.max(most, peak), 0);
  });
}
