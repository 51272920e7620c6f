// Owns how the browser of the tests is started.
import { existsSync } from 'node:fs';

export const launchOptions = {
  executablePath: process.env['TUTTI_CHROMIUM'] ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--autoplay-policy=no-user-gesture-required',
  ],
};

/** A Chromium that keeps notifications, if there is one: the one that is built without a window has none. */
export const notifyingBrowser = [process.env['TUTTI_NOTIFYING_CHROMIUM'], '/usr/bin/chromium'].find((path) => path && existsSync(path));
