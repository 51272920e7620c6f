// Proves that waveforms of any unit and length become bars.
import { expect, it } from 'vitest';
import { bars, parseWaveform } from './waveform';

it('takes any unit', () => {
  expect(parseWaveform({ peaks: [0, -64, 128] })).toEqual([0, 0.5, 1]);
  expect(parseWaveform([0.1, 0.2])).toEqual([0.5, 1]);
  expect(parseWaveform({ peaks: [0, 0] })).toEqual([0, 0]);
  for (const odd of [null, 3, {}, { peaks: 'x' }]) expect(parseWaveform(odd)).toEqual([]);
});

it('fits any number of bars', () => {
  expect(bars([0.1, 0.9, 0.3, 0.2], 2)).toEqual([0.9, 0.3]);
  expect(bars([0.5, 1], 4)).toEqual([0.5, 0.5, 1, 1]);
  expect(bars([], 3)).toEqual([0, 0, 0]);
});
