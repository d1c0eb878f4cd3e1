import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchChromium } from './support/browser.ts';
import { Server } from './support/server.mjs';
import { comeIn, openSampleRoom, say, strings, untilSeen } from './support/watching.ts';

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

test('what one says the other reads, both ways, and who comes later reads it too', async () => {
  const ada = await openSampleRoom(browser, server);
  const bob = await comeIn(browser, server, ada.page.url());
  await say(ada, 'Do you see the lamp?');
  await untilSeen(bob, 'Do you see the lamp?');
  await say(bob, 'I do, and the moth <b>beside</b> it');
  await untilSeen(ada, 'I do, and the moth <b>beside</b> it');
  const eve = await comeIn(browser, server, ada.page.url());
  await untilSeen(eve, 'Do you see the lamp?');
  await bob.page.reload();
  await untilSeen(bob, 'Do you see the lamp?');
  expect([ada, bob, eve].flatMap((person) => person.faults)).toEqual([]);
});

test.each<[string, (page: Page) => Promise<unknown>, number]>([
  ['goes to the front door', (page) => page.getByLabel(strings.room.back).click(), 3_000],
  // A browser that is gone says nothing; the seat is kept for a grace of 8 s.
  ['is cut off', (page) => page.context().close(), 15_000],
])('who is there is listed, and who %s is gone', async (_how, go, timeout) => {
  const ada = await openSampleRoom(browser, server);
  const bob = await comeIn(browser, server, ada.page.url());
  await ada.page.getByRole('tab', { name: strings.room.tabs.people }).click();
  const listed = ada.page.getByRole('tabpanel').getByRole('listitem');
  await expect.poll(() => listed.count()).toBe(2);
  await go(bob.page);
  await expect.poll(() => listed.count(), { timeout }).toBe(1);
});
