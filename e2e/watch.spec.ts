import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Person, launchChromium } from './support/browser.ts';
import { Server } from './support/server.mjs';
import {
  comeIn,
  moment,
  openSampleRoom,
  press,
  strings,
  untilPlaying,
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

/** Two people in one room, each with a browser process of their own. */
async function twoPeople(): Promise<[Person, Person]> {
  const ada = await openSampleRoom(browsers[0], server);
  const bob = await comeIn(browsers[1], server, ada.page.url());
  return [ada, bob];
}

async function goHome(...people: Person[]): Promise<void> {
  expect(people.flatMap((person) => person.faults)).toEqual([]);
  await Promise.all(people.map((person) => person.page.context().close()));
}

test('play and pause from either side move both', async () => {
  const [ada, bob] = await twoPeople();
  await press(ada, strings.stage.play);
  await untilTogether(ada, bob, true);
  await press(bob, strings.stage.pause);
  await untilTogether(ada, bob, false);
  await press(bob, strings.stage.play);
  await untilTogether(ada, bob, true);
  await goHome(ada, bob);
});

test('a seek takes everybody along, forwards by one and backwards by the other', async () => {
  const [ada, bob] = await twoPeople();
  await ada.page.keyboard.press('l');
  await expect.poll(async () => (await moment(bob.page)).positionMs).toBeGreaterThan(9_900);
  await untilTogether(ada, bob, false);
  await bob.page.keyboard.press('ArrowLeft');
  await expect.poll(async () => (await moment(ada.page)).positionMs).toBeLessThan(5_100);
  await untilTogether(ada, bob, false);
  await goHome(ada, bob);
});

test('the speed is everybody’s', async () => {
  const [ada, bob] = await twoPeople();
  await press(ada, strings.stage.play);
  await untilTogether(ada, bob, true);
  await bob.page.getByRole('button', { name: `${strings.stage.speed}: 1×` }).click();
  await bob.page.getByRole('menuitem', { name: '1.25×' }).click();
  for (const person of [ada, bob]) {
    // Who is behind runs up to 6 % faster for a moment.
    await expect
      .poll(async () => Math.abs((await moment(person.page)).rate - 1.25))
      .toBeLessThan(0.08);
  }
  await untilTogether(ada, bob, true);
  await goHome(ada, bob);
});

test('a latecomer lands in the right place', async () => {
  const [ada, bob] = await twoPeople();
  await press(ada, strings.stage.play);
  await untilTogether(ada, bob, true);
  await expect.poll(async () => (await moment(ada.page)).positionMs).toBeGreaterThan(2_000);
  const eve = await comeIn(browsers[1], server, ada.page.url());
  await untilTogether(ada, eve, true);
  await untilTogether(ada, bob, true);
  await goHome(ada, bob, eve);
});

test('a reload and the way back lead to the same room and moment', async () => {
  const [ada, bob] = await twoPeople();
  await press(ada, strings.stage.play);
  await untilTogether(ada, bob, true);
  const room = bob.page.url();
  await bob.page.reload();
  await untilPlaying(bob, true);
  await untilTogether(ada, bob, true);
  await bob.page.goto('/');
  await bob.page.goBack();
  expect(bob.page.url()).toBe(room);
  await untilPlaying(bob, true);
  await untilTogether(ada, bob, true);
  await goHome(ada, bob);
});
