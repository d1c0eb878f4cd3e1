import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchChromium } from './support/browser.ts';
import { Server } from './support/server.ts';
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

test('who is there is listed, and who goes is gone', async () => {
  const ada = await openSampleRoom(browser, server);
  const bob = await comeIn(browser, server, ada.page.url());
  const people = ada.page.getByRole('tab', { name: strings.room.tabs.people });
  await people.click();
  const listed = ada.page.getByRole('tabpanel').getByRole('listitem');
  await expect.poll(() => listed.count()).toBe(2);
  await bob.page.close();
  // A page that closes says goodbye; the grace of 8 s is only for those who could not.
  await expect.poll(() => listed.count(), { timeout: 6_000 }).toBe(1);
});
