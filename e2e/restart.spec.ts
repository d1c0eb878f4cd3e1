import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchChromium } from './support/browser.ts';
import { Server } from './support/server.mjs';
import {
  comeIn,
  moment,
  openSampleRoom,
  press,
  say,
  strings,
  untilSeen,
  untilTogether,
} from './support/watching.ts';

let server: Server;
let browsers: [Browser, Browser];

beforeAll(async () => {
  server = await Server.start();
  browsers = [await launchChromium(), await launchChromium()];
});

afterAll(async () => {
  await Promise.all(browsers.map((browser) => browser.close()));
  await server[Symbol.asyncDispose]();
});

test.each([
  ['killed', () => server.kill()],
  ['stopped', () => server.stop()],
])('a server that is %s while people watch has them back where they were', async (_how, end) => {
  const ada = await openSampleRoom(browsers[0], server);
  const bob = await comeIn(browsers[1], server, ada.page.url());
  await say(ada, 'Before the lights went out');
  await untilSeen(bob, 'Before the lights went out');
  await press(ada, strings.stage.play);
  await untilTogether(ada, bob, true);
  const before = await moment(ada.page);

  await end();
  await server.restart();

  // What is said now reaches the other only through the server that came back.
  await say(bob, 'And it is on again');
  await untilSeen(ada, 'And it is on again');
  await untilSeen(bob, 'Before the lights went out');
  await untilTogether(ada, bob, true);
  // The film ran on; it neither began anew nor stood still.
  const after = await moment(ada.page);
  const ran = after.positionMs - before.positionMs;
  expect(Math.abs(ran - (after.atMs - before.atMs))).toBeLessThan(1_500);

  const eve = await comeIn(browsers[0], server, ada.page.url());
  await untilSeen(eve, 'Before the lights went out');
  await untilTogether(ada, eve, true);
  await Promise.all([ada, bob, eve].map((person) => person.page.context().close()));
});
