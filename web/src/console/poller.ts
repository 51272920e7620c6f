// Owns work that is repeated while a page is open. Invariant: it never runs twice at once, and not while the page is
// hidden; a page that is shown again is up to date at once.

type Page = Pick<Document, 'hidden' | 'addEventListener' | 'removeEventListener'>;

/** Runs `work` now, and again so long after each end. `work` must not fail. Returns the function that stops it. */
export function poll(work: () => Promise<void>, everyMs: number, page: Page = document): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isStopped = false;
  let isRunning = false;

  async function run(): Promise<void> {
    clearTimeout(timer);
    if (isRunning || isStopped || page.hidden) return;
    isRunning = true;
    await work();
    isRunning = false;
    if (!isStopped) timer = setTimeout(() => void run(), everyMs);
  }

  const onchange = (): void => void run();
  page.addEventListener('visibilitychange', onchange);
  void run();
  return () => {
    isStopped = true;
    clearTimeout(timer);
    page.removeEventListener('visibilitychange', onchange);
  };
}
