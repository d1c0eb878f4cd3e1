/** A member of the room: a browser process of its own behind a line of its own. */
import { chromium } from 'playwright-core';
import { DelayProxy } from './delay-proxy.mjs';
import { LOOK_MS } from './judge.mjs';

const FLAGS = [
  '--no-sandbox',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--autoplay-policy=no-user-gesture-required',
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
  '--mute-audio',
];

/** Runs in the page: writes down 40 times a second where its element is. */
function watch(everyMs) {
  const found = (root) => {
    const direct = root.querySelector('video, audio');
    if (direct) return direct;
    for (const host of root.querySelectorAll('*')) {
      const inside = host.shadowRoot && found(host.shadowRoot);
      if (inside) return inside;
    }
    return null;
  };
  const log = { samples: [], seeks: [], waits: [], element: null };
  const now = () => performance.timeOrigin + performance.now();
  setInterval(() => {
    if (!log.element?.isConnected) {
      log.element = found(document);
      log.element?.addEventListener('seeking', () => log.seeks.push(now()));
      log.element?.addEventListener('waiting', () => log.waits.push(now()));
    }
    const { element } = log;
    if (element?.currentSrc) log.samples.push([now(), element.currentTime * 1000]);
  }, everyMs);
  globalThis.syncLog = log;
}

export class Member {
  static #count = 0;

  constructor(name, proxy, browser, page) {
    this.name = name;
    this.proxy = proxy;
    this.browser = browser;
    this.page = page;
    /** @type {string[]} */
    this.faults = [];
    page.on('pageerror', (error) => this.faults.push(String(error)));
  }

  /**
   * @param {number} port Where the server listens.
   * @param {import('./delay-proxy.mjs').Path} path
   */
  static async start(port, path, files) {
    const proxy = await new DelayProxy(port, path, files).listen();
    const browser = await chromium.launch({
      executablePath: process.env.CHROMIUM_BIN ?? '/usr/bin/chromium',
      args: FLAGS,
    });
    const page = await browser.newPage({ viewport: { width: 640, height: 400 } });
    await page.addInitScript(watch, LOOK_MS);
    return new Member(`m${Member.#count++}`, proxy, browser, page);
  }

  /** Opens the room's page; returns when that began, by the host's clock, ms. */
  async open(path) {
    await this.page.goto(this.proxy.origin + path, { waitUntil: 'commit' });
    return this.page.evaluate(() => performance.timeOrigin);
  }

  /** Resolves once the element has something to play. */
  async loaded() {
    await this.page.waitForFunction(() => globalThis.syncLog?.element?.readyState >= 3, undefined, {
      timeout: 30_000,
      polling: 50,
    });
  }

  /** Resolves once the element runs out of data. */
  async dry() {
    await this.page.waitForFunction(
      () => {
        const element = globalThis.syncLog?.element;
        return element && !element.paused && element.readyState < 3;
      },
      undefined,
      { timeout: 90_000, polling: 20 },
    );
  }

  /** What its element showed since this moment. */
  async log(since = 0) {
    return this.page.evaluate((from) => {
      const { samples, seeks, waits } = globalThis.syncLog;
      return {
        samples: samples.filter(([at]) => at >= from),
        seeks: seeks.filter((at) => at >= from),
        waits: waits.filter((at) => at >= from),
      };
    }, since);
  }

  async close() {
    await this.browser.close();
    this.proxy.close();
  }
}
