/**
 * Browser processes behind one small interface: Chromium by playwright, Firefox by BiDi, and by
 * puppeteer a Chromium whose page can be hidden, because playwright lets every page believe that it
 * is looked at.
 */
import { chromium } from 'playwright-core';
import puppeteer from 'puppeteer-core';

const CHROMIUM = [
  '--no-sandbox',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--autoplay-policy=no-user-gesture-required',
  '--mute-audio',
];

/** What keeps a page running at full speed that nobody sees. */
const UNSEEN = [
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
];

const CHROMIUM_BIN = process.env.CHROMIUM_BIN ?? '/usr/bin/chromium';

const FIREFOX = {
  'media.autoplay.default': 0,
  'media.autoplay.blocking_policy': 0,
  'media.volume_scale': '0.0',
};

/** What the page is to run before its own scripts, and its argument. @typedef {[Function, unknown]} First */

/** @param {First[]} firsts */
async function startChromium(firsts) {
  const browser = await chromium.launch({
    executablePath: CHROMIUM_BIN,
    args: [...CHROMIUM, ...UNSEEN],
  });
  const page = await browser.newPage({ viewport: { width: 640, height: 400 } });
  for (const [first, argument] of firsts) await page.addInitScript(first, argument);
  return {
    page,
    goto: (url) => page.goto(url, { waitUntil: 'commit' }),
    until: (condition, timeout) =>
      page.waitForFunction(condition, undefined, { timeout, polling: 20 }),
    close: () => browser.close(),
  };
}

/** A Chromium that runs hidden pages less often, as it does for people. @param {First[]} firsts */
function startTiring(firsts) {
  return startByPuppeteer(firsts, {
    browser: 'chrome',
    executablePath: CHROMIUM_BIN,
    args: CHROMIUM,
    ignoreDefaultArgs: UNSEEN,
  });
}

/** @param {First[]} firsts */
function startFirefox(firsts) {
  return startByPuppeteer(firsts, {
    browser: 'firefox',
    executablePath: process.env.FIREFOX_BIN ?? '/usr/bin/firefox-esr',
    extraPrefsFirefox: FIREFOX,
  });
}

/**
 * @param {First[]} firsts
 * @param {import('puppeteer-core').LaunchOptions} options
 */
async function startByPuppeteer(firsts, options) {
  const browser = await puppeteer.launch({ headless: true, ...options });
  const page = await browser.newPage();
  for (const [first, argument] of firsts) await page.evaluateOnNewDocument(first, argument);
  return {
    page,
    goto: (url) => page.goto(url, { waitUntil: 'domcontentloaded' }),
    until: (condition, timeout) => page.waitForFunction(condition, { timeout, polling: 20 }),
    hide: () => cover(browser, page),
    close: () => browser.close(),
  };
}

/**
 * Opens a tab before a page; returns how to take it away again.
 *
 * @param {import('puppeteer-core').Browser} browser
 * @param {import('puppeteer-core').Page} page
 */
async function cover(browser, page) {
  const other = await browser.newPage();
  await other.bringToFront();
  await becomes(page, 'hidden');
  return async () => {
    await page.bringToFront();
    await becomes(page, 'visible');
    await other.close();
  };
}

/** Not by `waitForFunction`, whose timer is the page's own. */
async function becomes(page, visibility) {
  for (let i = 0; i < 100; i++) {
    if ((await page.evaluate(() => document.visibilityState)) === visibility) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`The page does not become ${visibility}`);
}

const ENGINES = { chromium: startChromium, tiring: startTiring, firefox: startFirefox };

/**
 * Starts a browser process with one page.
 *
 * @param {keyof ENGINES} engine
 * @param {First[]} firsts
 */
export function startBrowser(engine, firsts) {
  return ENGINES[engine](firsts);
}
