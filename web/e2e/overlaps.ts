// Owns finding what lies on each other on a page, and what is wider than the screen.
import { expect, type Page } from '@playwright/test';

/** A phone, and where the layouts for phones and desktops meet. */
const WIDTHS = [390, 719, 720, 740, 760];

/** Fails if anything overlaps at any of the widths. */
export async function expectNoOverlap(page: Page, what: string): Promise<void> {
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    await page.waitForTimeout(100);
    expect(await overlaps(page), `${what} at ${width} px`).toEqual([]);
  }
  await page.setViewportSize({ width: 1440, height: 900 });
}

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
    // From top to bottom, each with those that begin before it ends: a table has thousands, and most pairs are far apart.
    const boxes = all.map((one, at) => ({ one, at, box: one.getBoundingClientRect(), header: one.closest('header'), label: one.closest('label') }));
    boxes.sort((a, b) => a.box.top - b.box.top);
    for (const [place, upper] of boxes.entries()) {
      for (const lower of boxes.slice(place + 1)) {
        if (lower.box.top >= upper.box.bottom - 1) break;
        const first = upper.at < lower.at ? upper : lower;
        const second = first === upper ? lower : upper;
        if (first.one.contains(second.one) || second.one.contains(first.one) || first.label?.contains(second.one) || first.header !== second.header) continue;
        const width = Math.min(upper.box.right, lower.box.right) - Math.max(upper.box.left, lower.box.left);
        const height = Math.min(upper.box.bottom, lower.box.bottom) - lower.box.top;
        // The search icon's field and such overlap by design only within a label or a button.
        if (width > 1 && height > 1) found.push(`${name(first.one)} and ${name(second.one)}`);
      }
    }
    return found;
  });
