// Owns how the page is tested in a real browser against the real binary. Each worker starts its own server (e2e/fixtures.ts).
import { defineConfig } from '@playwright/test';
import { launchOptions } from './e2e/browser';

export default defineConfig({
  testDir: 'e2e',
  outputDir: process.env['TUTTI_E2E_OUT'] ?? 'node_modules/.e2e',
  // Much of a test is waiting for playback, which takes its time; more than two would wait for conversions.
  workers: 2,
  // Each test has a member of its own. By file, one worker would be idle at the end while the other has minutes of a file left.
  fullyParallel: true,
  timeout: 400_000,
  expect: { timeout: 45_000 },
  forbidOnly: Boolean(process.env['CI']),
  // As for the Rust tests: what fails once and then passes is reported as flaky.
  retries: 1,
  reporter: [['list']],
  use: {
    // Playwright cannot intercept what a service worker fetches; installed.spec.ts allows it.
    serviceWorkers: 'block',
    viewport: { width: 1440, height: 900 },
    // A machine that also converts video may take its time for the documentation's thousands of elements.
    actionTimeout: 45_000,
    // A trace has a picture and the document for each step, which costs more than many a step; the second attempt has one.
    trace: process.env['TUTTI_E2E_TRACE'] ? 'retain-on-failure' : 'on-first-retry',
    launchOptions,
  },
});
