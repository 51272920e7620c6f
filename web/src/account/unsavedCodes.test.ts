// Proves that new recovery codes are kept until they are saved, and that no other member sees them.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

const world = vi.hoisted(() => ({ onChange: (): void => undefined }));

vi.mock('../session/session.svelte', () => ({ session: { onChange: (listener: () => void) => (world.onChange = listener) } }));

let page: EventTarget;

/** Whether the browser would ask before it leaves the page. */
function asksBeforeLeaving(): boolean {
  return !page.dispatchEvent(new Event('beforeunload', { cancelable: true }));
}

beforeEach(() => {
  page = new EventTarget();
  vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
  vi.stubGlobal('removeEventListener', page.removeEventListener.bind(page));
});

afterEach(() => vi.unstubAllGlobals());

it('codes are kept, and the browser asks before it leaves the page, until they are saved', async () => {
  const { unsavedCodes } = await import('./unsavedCodes.svelte');
  expect(asksBeforeLeaving()).toBe(false);
  unsavedCodes.show(['one', 'two']);
  unsavedCodes.show(['three', 'four']);
  expect(unsavedCodes.codes).toEqual(['three', 'four']);
  expect(asksBeforeLeaving()).toBe(true);
  unsavedCodes.clear();
  expect(unsavedCodes.codes).toBeNull();
  expect(asksBeforeLeaving()).toBe(false);
});

it('codes are gone when another member is signed in', async () => {
  const { unsavedCodes } = await import('./unsavedCodes.svelte');
  unsavedCodes.show(['one']);
  world.onChange();
  expect(unsavedCodes.codes).toBeNull();
  expect(asksBeforeLeaving()).toBe(false);
});
