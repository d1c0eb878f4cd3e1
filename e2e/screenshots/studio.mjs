import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const OUT = fileURLToPath(new URL('../out/screenshots', import.meta.url));
const KEPT = fileURLToPath(new URL('../../docs/screenshots', import.meta.url));

/** Widths and heights that stand for a phone, a tablet, a laptop and a desk, px. */
export const SIZES = [
  [360, 740],
  [768, 1024],
  [1280, 800],
  [1920, 1080],
];

/** Pictures that README and the guides show; the rest is for looking at once. */
const SHOWN = new Set([
  'front-1280-dark',
  'front-1280-light',
  'front-360-dark',
  'room-1280-dark',
  'room-360-dark',
  'people-1280-dark',
  'queue-1280-dark',
  'waiting-1280-dark',
  'alone-1280-dark',
  'you-1280-light',
  'messages-thread-1280-dark',
  'messages-360-dark',
]);

const FLAGS = [
  '--no-sandbox',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--mute-audio',
];

/** A browser that takes pictures of a page in every size and light, and lets axe look at it. */
export class Studio {
  faults = [];
  violations = [];
  #browser;
  #axe;

  static async open() {
    const studio = new Studio();
    await mkdir(OUT, { recursive: true });
    await mkdir(KEPT, { recursive: true });
    const executablePath = process.env.CHROMIUM_BIN ?? '/usr/bin/chromium';
    studio.#browser = await chromium.launch({ executablePath, args: FLAGS });
    const path = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
    studio.#axe = await readFile(path, 'utf8');
    return studio;
  }

  /** A page of somebody who was never here. */
  async newcomer(url, options = {}) {
    const context = await this.#browser.newContext({
      baseURL: url,
      viewport: { width: 1280, height: 800 },
      colorScheme: 'dark',
      ...options,
    });
    await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: url });
    const page = await context.newPage();
    page.on('pageerror', (error) => this.faults.push(error.stack ?? error.message));
    page.on('console', (message) => {
      const text = message.text();
      // A first visit is refused its own name once: that is how the page learns it is new. Before
      // a closed door it is refused too.
      const expected = /401|403|410|net::ERR_CONNECTION_REFUSED|WebSocket|404|ERR_/.test(text);
      if (message.type() === 'error' && !expected) this.faults.push(text);
    });
    return page;
  }

  /** Takes a state in every size and in both lights. `settle` makes the page show it once more. */
  async take(page, name, { sizes = SIZES, themes = ['dark', 'light'], settle } = {}) {
    for (const [width, height] of sizes) {
      await page.setViewportSize({ width, height });
      for (const theme of themes) {
        await page.evaluate((shown) => (document.documentElement.dataset.theme = shown), theme);
        await settle?.(page);
        await page.waitForTimeout(250);
        const file = `${name}-${width}-${theme}`;
        const folder = SHOWN.has(file) ? KEPT : OUT;
        await page.screenshot({ path: join(folder, `${file}.png`) });
        if (width === 360 || width === 1280) await this.#examine(page, file);
      }
    }
    await page.evaluate(() => (document.documentElement.dataset.theme = 'dark'));
    await page.setViewportSize({ width: 1280, height: 800 });
  }

  /** Takes a state in the dark without asking the page anything: a question counts as a click. */
  async peek(page, name, sizes) {
    for (const [width, height] of sizes) {
      await page.setViewportSize({ width, height });
      await page.waitForTimeout(400);
      const file = `${name}-${width}-dark`;
      await page.screenshot({ path: join(SHOWN.has(file) ? KEPT : OUT, `${file}.png`) });
    }
    await this.#examine(page, name);
  }

  async #examine(page, file) {
    // The page's own policy lets no script in; this one comes from the debugger.
    await page.evaluate(this.#axe);
    const found = await page.evaluate(() =>
      globalThis.axe.run(document, {
        runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
      }),
    );
    for (const { id, help, nodes } of found.violations) {
      const where = nodes.map((node) => `${node.target.join(' ')}: ${node.failureSummary}`);
      this.violations.push({ file, id, help, where });
    }
  }

  close() {
    return this.#browser.close();
  }
}
