// Owns work that is repeated while a page is open. Invariant: it never runs twice at once, and not while the page is
// hidden or unattended, because each request may extend the session; a page that is shown or used again is up to date at
// once.
import { INPUT } from './session/idle';

type Page = Pick<Document, 'hidden' | 'addEventListener' | 'removeEventListener'>;

/** After so long without any input the operator is taken to be away. */
const UNATTENDED_MS = 5 * 60_000;

/** Runs `work` now, and again so long after each end. `work` must not fail. Returns the function that stops it. */
export function poll(work: () => Promise<void>, everyMs: number, page: Page = document): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isStopped = false;
  let isRunning = false;
  let isResting = false;
  let lastInput = Date.now();

  async function run(): Promise<void> {
    clearTimeout(timer);
    if (isRunning || isStopped || page.hidden) return;
    isResting = Date.now() - lastInput >= UNATTENDED_MS;
    if (isResting) return;
    isRunning = true;
    await work();
    isRunning = false;
    if (!isStopped) timer = setTimeout(() => void run(), everyMs);
  }

  const oninput = (): void => {
    lastInput = Date.now();
    if (isResting) void run();
  };
  const onchange = (): void => {
    lastInput = Date.now();
    void run();
  };
  page.addEventListener('visibilitychange', onchange);
  for (const type of INPUT) page.addEventListener(type, oninput, { passive: true, capture: true });
  void run();
  return () => {
    isStopped = true;
    clearTimeout(timer);
    page.removeEventListener('visibilitychange', onchange);
    for (const type of INPUT) page.removeEventListener(type, oninput, { capture: true });
  };
}
