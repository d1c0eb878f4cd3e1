import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { axeFindings } from './support/axe.ts';
import { launchChromium, sitDown } from './support/browser.ts';
import { Server } from './support/server.mjs';
import {
  moment,
  openSampleRoom,
  strings,
  untilFilm,
  untilPlaying,
  untilSeen,
} from './support/watching.ts';

let server: Server;
let browser: Browser;

beforeAll(async () => {
  server = await Server.start();
  browser = await launchChromium();
});

afterAll(async () => {
  await browser.close();
  await server[Symbol.asyncDispose]();
});

test.each(['light', 'dark'] as const)('axe finds nothing on the pages, %s', async (colorScheme) => {
  const { page } = await sitDown(browser, server.url, { colorScheme, reducedMotion: 'reduce' });
  for (const address of ['/', '/you', '/there/is/nothing', '/?error=room-full']) {
    await page.goto(address);
    await page.getByRole('heading').first().waitFor();
    expect(await axeFindings(page), address).toEqual([]);
  }
});

test('axe finds nothing in a room: empty, with a film, each panel and dialog', async () => {
  const { page } = await sitDown(browser, server.url, { reducedMotion: 'reduce' });
  await page.goto('/');
  await page.getByRole('button', { name: strings.front.open }).click();
  await page.getByText(strings.stage.emptyTitle).waitFor();
  expect(await axeFindings(page), 'an empty room').toEqual([]);
  await page.getByRole('button', { name: strings.stage.sample }).click();
  await untilFilm({ page, faults: [] });
  for (const tab of Object.values(strings.room.tabs)) {
    await page.getByRole('tab', { name: tab }).click();
    expect(await axeFindings(page), tab).toEqual([]);
  }
  await page.keyboard.press('?');
  await page.getByRole('dialog').waitFor();
  expect(await axeFindings(page), 'the keys').toEqual([]);
});

test('everything that matters can be done by keyboard', async () => {
  const { page } = await sitDown(browser, server.url);
  await page.goto('/');
  // Tab to the sample film, as one who cannot point would.
  const sample = page.getByRole('button', { name: strings.front.sample });
  await tabTo(page, async () => sample.evaluate((button) => button === document.activeElement));
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/room\/.+/);
  await expect.poll(async () => (await moment(page)).shows).toBe(true);
  const ada = { page, faults: [] };
  await page.keyboard.press('k');
  await untilPlaying(ada, true);
  await page.keyboard.press('k');
  await untilPlaying(ada, false);
  await page.keyboard.press('ArrowRight');
  await expect.poll(async () => (await moment(page)).positionMs).toBeGreaterThan(4_900);
  await page.keyboard.press('c');
  await page.keyboard.type('By keyboard alone');
  await page.keyboard.press('Enter');
  await untilSeen(ada, 'By keyboard alone');
  // Escape gives the keys back to the film.
  await page.keyboard.press('Escape');
  await page.keyboard.press('m');
  const muted = () =>
    page.locator('media-controller video').evaluate((v) => (v as HTMLVideoElement).muted);
  await expect.poll(muted).toBe(true);
});

test('less motion is honoured', async () => {
  const ada = await openSampleRoom(browser, server);
  await ada.page.emulateMedia({ reducedMotion: 'reduce' });
  const moving = await ada.page.evaluate(
    () => document.getAnimations().filter((a) => a.playState === 'running').length,
  );
  expect(moving).toBe(0);
});

/** Presses Tab until something has the focus; thirty stops are more than any page has. */
async function tabTo(page: Page, reached: () => Promise<boolean>): Promise<void> {
  for (let stops = 0; stops < 30; stops += 1) {
    await page.keyboard.press('Tab');
    if (await reached()) return;
  }
  throw new Error('thirty stops of the Tab key do not lead there');
}
