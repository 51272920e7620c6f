// Proves which positions are kept, and for whom.
import { describe, expect, it, vi } from 'vitest';

vi.mock('../session/session.svelte', () => ({ session: { account: null, onChange: () => undefined } }));
const { MAX_POSITIONS, parsePositions, withPosition } = await import('./resume');

const none = { member: 'ada', items: [] };

describe('a position', () => {
  it('is kept in the middle, and not at the start or the end', () => {
    expect(withPosition(none, 'a', 61.7, 120).items).toEqual([['a', 61]]);
    for (const seconds of [0, 4.9, 116, 120]) expect(withPosition(none, 'a', seconds, 120).items).toEqual([]);
  });

  it('is forgotten at the end of the film', () => {
    expect(withPosition(withPosition(none, 'a', 60, 120), 'a', 119, 120).items).toEqual([]);
  });

  it('is one per item, the latest last, and the oldest goes', () => {
    let positions = withPosition(none, 'a', 10, 100);
    for (let at = 0; at < MAX_POSITIONS - 1; at += 1) positions = withPosition(positions, `b${at}`, 10, 100);
    positions = withPosition(positions, 'a', 20, 100);
    expect(positions.items.at(-1)).toEqual(['a', 20]);
    positions = withPosition(positions, 'new', 30, 100);
    expect(positions.items).toHaveLength(MAX_POSITIONS);
    expect(positions.items[0]?.[0]).toBe('b1');
  });
});

describe('what is stored', () => {
  const stored = JSON.stringify({ member: 'ada', items: [['a', 60]] });

  it('is the member’s own', () => {
    expect(parsePositions(stored, 'ada').items).toEqual([['a', 60]]);
    expect(parsePositions(stored, 'bob').items).toEqual([]);
    expect(parsePositions(stored, null).items).toEqual([]);
  });

  it('may be damaged or from nowhere', () => {
    for (const text of [null, '', '{', '[]', '{"member":"ada"}', '{"member":"ada","items":[null]}', '{"member":"ada","items":[["a","x"],[3,4]]}']) {
      expect(parsePositions(text, 'ada')).toEqual(none);
    }
  });
});
