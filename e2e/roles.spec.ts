import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Backing } from './support/backing.mjs';
import { launchChromium } from './support/browser.ts';
import { freePort, Server } from './support/server.mjs';
import {
  comeIn,
  openSampleRoom,
  press,
  say,
  strings,
  untilSeen,
  untilTogether,
} from './support/watching.ts';

let backing: Backing;
let api: Server;
let sync: Server;
let browser: Browser;
/** Another host than that of the pages: no cookie gets there. */
let syncUrl: string;

beforeAll(async () => {
  backing = await Backing.start();
  const ports = { api: await freePort(), sync: await freePort() };
  syncUrl = `ws://127.0.0.1:${String(ports.sync)}`;
  const env = {
    ...backing.env,
    PARLOR_PUBLIC_URL: `http://localhost:${String(ports.api)}`,
    PARLOR_SYNC_URL: syncUrl,
  };
  api = await Server.start({ port: ports.api, args: ['--role', 'api'], env });
  sync = await Server.start({ port: ports.sync, args: ['--role', 'sync'], env });
  browser = await launchChromium();
});

afterAll(async () => {
  await browser.close();
  await Promise.all([api, sync].map((server) => server[Symbol.asyncDispose]()));
  await backing[Symbol.asyncDispose]();
});

test('a page of one node has its socket at another, and people watch and talk', async () => {
  const ada = await openSampleRoom(browser, api);
  const bob = await comeIn(browser, api, ada.page.url());
  await say(ada, 'Where are you?');
  await untilSeen(bob, 'Where are you?');
  await say(bob, 'Same page, another socket');
  await untilSeen(ada, 'Same page, another socket');
  await press(ada, strings.stage.play);
  await untilTogether(ada, bob, true);

  const sockets: string[] = [];
  bob.page.on('websocket', (socket) => sockets.push(new URL(socket.url()).origin));
  await bob.page.reload();
  await untilSeen(bob, 'Where are you?');
  expect(sockets).toEqual([syncUrl]);
  expect(new URL(bob.page.url()).origin).toBe(api.url);
  expect([ada, bob].flatMap((person) => person.faults)).toEqual([]);
});

test('each of the two says where the other is', async () => {
  const socket = await fetch(`${api.url}/api/v1/rooms/any/ws`);
  expect(socket.status).toBe(421);
  expect(await socket.json()).toMatchObject({ message: `Sockets are opened at ${syncUrl}` });
  const page = await fetch(`${sync.url}/`);
  expect(page.status).toBe(421);
  expect(await page.json()).toMatchObject({
    message: `Pages and requests are answered at ${api.url}`,
  });
});
