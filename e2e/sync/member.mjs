/** A member of the room: a browser process of its own behind a line of its own. */
import { startBrowser } from './browsers.mjs';
import { DelayProxy } from './delay-proxy.mjs';
import { LOOK_MS } from './judge.mjs';

/**
 * Runs in the page: writes down 40 times a second where its element is. An element that moves its
 * position in steps (Firefox) is right at the moment it moves, so it is those moments that count,
 * if the page was there to see them: after it was held up, a step is seen late, and what was said
 * last says nothing, while the frames that are shown (`requestVideoFrameCallback`) are in time.
 */
function watch({ everyMs, steps }) {
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
  const listen = (element) => {
    element.addEventListener('seeking', () => log.seeks.push(now()));
    element.addEventListener('waiting', () => log.waits.push(now()));
  };
  /** From one look to the next at most, ms, unless the page was held up. */
  const promptMs = 12;
  let position = null;
  let writtenAt = 0;
  let lookedAt = 0;
  let stoodMs = 0;
  setInterval(() => {
    if (!log.element?.isConnected) {
      log.element = found(document);
      if (log.element) listen(log.element);
    }
    const { element } = log;
    if (!element?.currentSrc) return;
    const at = now();
    const sinceMs = at - lookedAt;
    lookedAt = at;
    const moved = element.currentTime !== position;
    position = element.currentTime;
    stoodMs = moved ? 0 : stoodMs + Math.min(sinceMs, promptMs);
    if (steps && (moved ? sinceMs > promptMs : stoodMs < 3 * everyMs)) return;
    if (at - writtenAt < (moved ? everyMs - 5 : 3 * everyMs)) return;
    writtenAt = at;
    log.samples.push([at, position * 1000]);
  }, 5);
  globalThis.syncLog = log;
}

/**
 * Runs in the page: lets its element play faster than it is told, as one does whose sound card's
 * clock is fast. Nothing in the page can tell but by where the element is.
 */
function drift(ppm) {
  const { prototype } = HTMLMediaElement;
  const { get, set } = Object.getOwnPropertyDescriptor(prototype, 'playbackRate');
  const share = 1 + ppm / 1e6;
  Object.defineProperty(prototype, 'playbackRate', {
    configurable: true,
    get() {
      return get.call(this) / share;
    },
    set(rate) {
      set.call(this, rate * share);
    },
  });
}

export class Member {
  constructor(engine, proxy, browser) {
    this.engine = engine;
    this.proxy = proxy;
    this.browser = browser;
    /** @type {string[]} */
    this.faults = [];
    browser.page.on('pageerror', (error) => this.faults.push(String(error)));
  }

  /**
   * @param {'chromium' | 'tiring' | 'firefox'} engine
   * @param {number} port Where the server listens.
   * @param {import('./delay-proxy.mjs').Path} path
   * @param {number} [driftPpm] How much faster than it is told its element plays, ppm.
   */
  static async start(engine, port, path, files, driftPpm = 0) {
    const proxy = await new DelayProxy(port, path, files).listen();
    const look = { everyMs: LOOK_MS, steps: engine === 'firefox' };
    const firsts = [[watch, look], ...(driftPpm ? [[drift, driftPpm]] : [])];
    return new Member(engine, proxy, await startBrowser(engine, firsts));
  }

  /** Opens the room's page; returns when that began, by the host's clock, ms. */
  async open(path) {
    await this.browser.goto(this.proxy.origin + path);
    return this.browser.page.evaluate(() => performance.timeOrigin);
  }

  /** Resolves once the element has something to play. */
  async loaded() {
    await this.browser.until(() => globalThis.syncLog?.element?.readyState >= 3, 30_000);
  }

  /** Resolves once the element has run out of data, whether the room waits for it or not. */
  async dry() {
    await this.browser.until(() => globalThis.syncLog?.element?.readyState < 3, 90_000);
  }

  /** What its element showed since this moment. */
  async log(since = 0) {
    return this.browser.page.evaluate((from) => {
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
