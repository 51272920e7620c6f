// Owns the long press of a finger: it calls a function, and neither the click nor the browser's menu follows it. Without
// a function, a long press is the browser's.

const DELAY_MS = 500;
/** A finger that moves further scrolls. */
const SLACK_PX = 10;

export function longPress(node: HTMLElement, onpress: (() => void) | null): { destroy: () => void } {
  if (onpress === null) return { destroy: () => undefined };
  let timer: ReturnType<typeof setTimeout> | undefined;
  let start = { x: 0, y: 0 };
  let isPressed = false;

  const cancel = (): void => clearTimeout(timer);
  const onPointerDown = (event: PointerEvent): void => {
    isPressed = false;
    cancel();
    if (event.pointerType !== 'touch' || !event.isPrimary) return;
    start = { x: event.clientX, y: event.clientY };
    timer = setTimeout(() => {
      isPressed = true;
      onpress();
    }, DELAY_MS);
  };
  const onPointerMove = (event: PointerEvent): void => {
    if (Math.hypot(event.clientX - start.x, event.clientY - start.y) > SLACK_PX) cancel();
  };
  const onContextMenu = (event: MouseEvent): void => {
    if (event instanceof PointerEvent && event.pointerType === 'touch') event.preventDefault();
  };
  const onClick = (event: MouseEvent): void => {
    if (!isPressed) return;
    isPressed = false;
    event.preventDefault();
    event.stopPropagation();
  };

  const listeners = new AbortController();
  const options = { signal: listeners.signal };
  node.addEventListener('pointerdown', onPointerDown, options);
  node.addEventListener('pointermove', onPointerMove, options);
  for (const end of ['pointerup', 'pointercancel', 'pointerleave']) node.addEventListener(end, cancel, options);
  node.addEventListener('contextmenu', onContextMenu, options);
  node.addEventListener('click', onClick, { ...options, capture: true });
  return {
    destroy: () => {
      cancel();
      listeners.abort();
    },
  };
}
