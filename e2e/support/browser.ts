import { existsSync } from 'node:fs';
import { type Browser, type BrowserContextOptions, type Page, chromium } from 'playwright-core';

/** Where Debian and others put Chromium; `CHROMIUM_BIN` names another. */
export function chromiumPath(): string {
  const named = process.env['CHROMIUM_BIN'];
  if (named !== undefined) return named;
  const usual = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
  return usual.find((path) => existsSync(path)) ?? '/usr/bin/chromium';
}

/** Starts a browser process of its own. Two of them share nothing but the machine. */
export async function launchChromium(args: string[] = []): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath(),
    args: [
      '--no-sandbox',
      '--disable-quic',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
      '--mute-audio',
      // A test's window may lie behind another; that must not slow its clock.
      '--disable-background-timer-throttling',
      '--disable-backgrounding-occluded-windows',
      '--disable-renderer-backgrounding',
      '--use-fake-ui-for-media-stream',
      '--use-fake-device-for-media-stream',
      ...args,
    ],
  });
}

/** A person at a browser: a page in a profile of its own, and what went wrong in it. */
export interface Person {
  page: Page;
  /** Errors nobody caught and messages on the console of level error. */
  faults: string[];
}

/** Sits a new person down at a browser. */
export async function sitDown(
  browser: Browser,
  origin: string,
  options: BrowserContextOptions = {},
): Promise<Person> {
  const context = await browser.newContext({ baseURL: origin, ...options });
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.stack ?? error.message));
  page.on('console', (message) => {
    // Who asks "who am I" for the first time is told 401, and Chromium writes that down.
    const asksWhoIAm = message.location().url.endsWith('/api/v1/users/me');
    if (message.type() === 'error' && !asksWhoIAm) faults.push(message.text());
  });
  return { page, faults };
}
