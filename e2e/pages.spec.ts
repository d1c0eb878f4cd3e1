import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newGuest, newRoom } from './support/api.ts';
import { launchChromium, sitDown } from './support/browser.ts';
import { Server } from './support/server.mjs';
import { RawSocket } from './support/socket.ts';
import { strings } from './support/watching.ts';

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

test('an unknown room leads to the front door, which says why', async () => {
  const { page } = await sitDown(browser, server.url);
  await page.goto('/room/there-is-no-such-room');
  await page.waitForURL(/\/\?error=room-not-found$/);
  const alert = page.getByRole('alert');
  await expect.poll(() => alert.textContent()).toBe(strings.front.errors['room-not-found']);
});

test('a full room leads to the front door, which says why', async () => {
  const [ada, bob] = [await newGuest(server.url, 'Ada'), await newGuest(server.url, 'Bob')];
  const room = await newRoom(server.url, ada, { maxParticipants: 2 });
  const sockets = [
    await RawSocket.open(server.url, ada, room.roomId),
    await RawSocket.open(server.url, bob, room.roomId),
  ];
  for (const socket of sockets) await socket.ask('SYNC_REQUEST');
  const { page } = await sitDown(browser, server.url);
  await page.goto(`/room/${room.roomId}`);
  await page.waitForURL(/\/\?error=room-full$/);
  const alert = page.getByRole('alert');
  await expect.poll(() => alert.textContent()).toBe(strings.front.errors['room-full']);
  await Promise.all(sockets.map((socket) => socket.leave()));
});

test('a code opens its room', async () => {
  const ada = await newGuest(server.url, 'Ada');
  const room = await newRoom(server.url, ada);
  const { page } = await sitDown(browser, server.url);
  await page.goto('/');
  await page.getByLabel(strings.front.codeBox(1), { exact: true }).focus();
  await page.keyboard.type(room.joinCode.toLowerCase());
  await page.waitForURL(`**/room/${room.roomId}`);
});

test('an address nobody serves says so', async () => {
  const { page } = await sitDown(browser, server.url);
  await page.goto('/there/is/nothing');
  const words = page.getByText(strings.app.notFound);
  await expect.poll(() => words.isVisible()).toBe(true);
});
