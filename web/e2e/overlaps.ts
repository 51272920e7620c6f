// Owns finding what lies on each other on a page, and what is wider than the screen.
import type { Page } from '@playwright/test';

/** Pairs of controls and texts that lie on each other, and everything that is wider than the screen. */
export const overlaps = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const isDrawn = (element: Element): boolean => element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) && element.getBoundingClientRect().width > 1;
    const hasText = (element: Element): boolean => [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim());
    const name = (element: Element): string => `<${element.tagName.toLowerCase()} ${element.getAttribute('aria-label') ?? element.textContent?.trim().slice(0, 30)}>`;
    const roots = [...document.querySelectorAll('body header, main')].filter((root) => !root.closest('main') || root.tagName === 'MAIN');
    const all = roots
      .flatMap((root) => [...root.querySelectorAll('a, button, input, select, textarea, label, [role="slider"], h1, h2, p, small, strong, dt, dd, span')])
      .filter((one) => isDrawn(one) && !one.closest('.visually-hidden, .player, .media-grid') && getComputedStyle(one).clipPath === 'none' && (hasText(one) || one.matches('input, button, select, textarea, [role="slider"]')));
    const found: string[] = [];
    const extra = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    if (extra > 0) found.push(`${extra} px wider than the screen`);
    for (const [at, one] of all.entries()) {
      const a = one.getBoundingClientRect();
      for (const other of all.slice(at + 1)) {
        if (one.contains(other) || other.contains(one) || one.closest('label')?.contains(other) || one.closest('header') !== other.closest('header')) continue;
        const b = other.getBoundingClientRect();
        const [width, height] = [Math.min(a.right, b.right) - Math.max(a.left, b.left), Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)];
        // The search icon's field and such overlap by design only within a label or a button.
        if (width > 1 && height > 1) found.push(`${name(one)} and ${name(other)}`);
      }
    }
    return found;
  });
