/** Browser processes behind one small interface: Chromium by playwright, Firefox by BiDi. */
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
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
  '--mute-audio',
];

const FIREFOX = {
  'media.autoplay.default': 0,
  'media.autoplay.blocking_policy': 0,
  'media.volume_scale': '0.0',
};

/** What the page is to run before its own scripts, and its argument. @typedef {[Function, unknown]} First */

/** @param {First} first */
async function startChromium([first, argument]) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM_BIN ?? '/usr/bin/chromium',
    args: CHROMIUM,
  });
  const page = await browser.newPage({ viewport: { width: 640, height: 400 } });
  await page.addInitScript(first, argument);
  return {
    page,
    goto: (url) => page.goto(url, { waitUntil: 'commit' }),
    until: (condition, timeout) =>
      page.waitForFunction(condition, undefined, { timeout, polling: 20 }),
    close: () => browser.close(),
  };
}

/** @param {First} first */
async function startFirefox([first, argument]) {
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: process.env.FIREFOX_BIN ?? '/usr/bin/firefox-esr',
    headless: true,
    extraPrefsFirefox: FIREFOX,
  });
  const page = await browser.newPage();
  await page.evaluateOnNewDocument(first, argument);
  return {
    page,
    goto: (url) => page.goto(url, { waitUntil: 'domcontentloaded' }),
    until: (condition, timeout) => page.waitForFunction(condition, { timeout, polling: 20 }),
    close: () => browser.close(),
  };
}

const ENGINES = { chromium: startChromium, firefox: startFirefox };

/**
 * Starts a browser process with one page.
 *
 * @param {'chromium' | 'firefox'} engine
 * @param {First} first
 */
export function startBrowser(engine, first) {
  return ENGINES[engine](first);
}
