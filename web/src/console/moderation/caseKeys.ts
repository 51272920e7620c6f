// Owns the keys of the moderation queue: which key does what, and when a key is none of them.
// Invariant: a key counts only while the focus is on the page of the queue and not in a field, so nothing that is typed decides
// anything (WCAG 2.1.4: active only on focus).

export type QueueAct = 'next' | 'previous' | 'claim' | 'decide' | 'back';

const ACTS: Readonly<Record<string, QueueAct>> = { j: 'next', k: 'previous', c: 'claim', d: 'decide', u: 'back' };

/** What a key press is, as far as it is needed here. */
type Press = Pick<KeyboardEvent, 'key' | 'altKey' | 'ctrlKey' | 'metaKey' | 'repeat' | 'defaultPrevented'>;

/** Returns what a key asks for; `null` for any other key. `focused` is the element that has the focus. */
export function actOf(press: Press, focused: Pick<Element, 'matches'> | null): QueueAct | null {
  if (press.altKey || press.ctrlKey || press.metaKey || press.defaultPrevented) return null;
  if (focused === null || focused.matches('input, textarea, select, [contenteditable]')) return null;
  const act = Object.hasOwn(ACTS, press.key) ? (ACTS[press.key] ?? null) : null;
  // Holding a key moves on, and claims or decides nothing twice.
  return press.repeat && act !== 'next' && act !== 'previous' ? null : act;
}

/** Returns the place in a list of `count` after a step from `at`, which is -1 while none has the focus. It ends at both ends. */
export function stepTo(at: number, step: 1 | -1, count: number): number {
  if (count === 0) return -1;
  return at === -1 ? 0 : Math.min(Math.max(at + step, 0), count - 1);
}
