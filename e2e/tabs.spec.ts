import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { call, type Guest, newGuest } from './support/api.ts';
import { launchChromium } from './support/browser.ts';
import { Server } from './support/server.mjs';
import { buildSdk, heardIn, listen, Streams, strangersPages, toldIn } from './support/stranger.ts';

let server: Server;
let browser: Browser;
let context: BrowserContext;
let streams: Streams;
let bob: Guest;
let room: string;

beforeAll(async () => {
  buildSdk();
  server = await Server.start({ args: ['--insecure-no-rate-limits'] });
  browser = await launchChromium();
}, 120_000);

afterAll(async () => {
  await browser.close();
  await server[Symbol.asyncDispose]();
});

beforeEach(async () => {
  bob = await newGuest(server.url, 'Bob');
  const body = { name: 'Tabs' };
  const made = await call(server.url, 'POST', '/api/room/create', { token: bob.accessToken, body });
  room = (made as { roomId: string }).roomId;
  context = await browser.newContext({ baseURL: server.url });
  await strangersPages(context);
  streams = new Streams(context);
  // The gate makes whoever comes a guest.
  const door = await context.newPage();
  await door.goto(`/room/${room}`);
  await door.close();
});

afterEach(async () => {
  await context.close();
});

let said = 0;

/** Bob says something; returns what. */
async function bobSays(times = 1): Promise<string[]> {
  const texts = Array.from({ length: times }, () => `message ${String((said += 1))}`);
  for (const text of texts) {
    const path = `/api/messages?roomId=${room}`;
    await call(server.url, 'POST', path, { token: bob.accessToken, body: { text } });
  }
  return texts;
}

async function untilHeard(texts: string[], ...pages: Page[]): Promise<void> {
  for (const page of pages) {
    await expect.poll(() => heardIn(page), { timeout: 30_000 }).toEqual(texts);
  }
}

/** Opens three tabs that listen, one after the other. */
async function threeTabs(): Promise<Page[]> {
  const tabs: Page[] = [];
  while (tabs.length < 3) tabs.push(await listen(context, room));
  return tabs;
}

/** Tells the tab that has the stream from the others. */
function apart(tabs: Page[]): { holder: Page; others: Page[] } {
  const { holder } = streams;
  return { holder, others: tabs.filter((tab) => tab !== holder) };
}

/** Waits until one of these has the only stream. */
async function untilHeldBy(pages: Page[]): Promise<void> {
  const isOne = () => streams.holders.length === 1 && pages.includes(streams.holder);
  await expect.poll(isOne).toBe(true);
}

test('three tabs have one stream, and when the one that holds it is closed nothing is missed or doubled', async () => {
  let tabs = await threeTabs();
  expect(streams.asked).toBe(1);
  const texts = await bobSays(3);
  await untilHeard(texts, ...tabs);

  // One after the other goes while Bob talks on.
  for (let asked = 2; tabs.length > 1; asked += 1) {
    const talking = bobSays(40);
    await expect
      .poll(async () => (await heardIn(streams.holder)).length)
      .toBeGreaterThan(texts.length + 5);
    const { holder } = streams;
    await holder.close();
    tabs = tabs.filter((tab) => tab !== holder);
    texts.push(...(await talking));
    await untilHeard(texts, ...tabs);
    await untilHeldBy(tabs);
    expect(streams.asked).toBe(asked);
  }
  for (const tab of tabs) expect(await toldIn(tab)).not.toContain('gap');
});

test('so many tabs that six connections would not do leave the page its own', async () => {
  const tabs: Page[] = [];
  for (let n = 0; n < 8; n += 1) tabs.push(await listen(context, room));
  expect(streams.asked).toBe(1);
  const texts = await bobSays(2);
  await untilHeard(texts, ...tabs);
  const statuses = tabs.map((tab) =>
    tab.evaluate(async (id) => (await fetch(`/api/messages?roomId=${id}`)).status, room),
  );
  expect(await Promise.all(statuses)).toEqual(tabs.map(() => 200));
});

test('a tab that crashes is followed by another', async () => {
  const tabs = await threeTabs();
  const texts = await bobSays(2);
  await untilHeard(texts, ...tabs);
  const { holder, others } = apart(tabs);
  const talking = bobSays(40);
  const devtools = await context.newCDPSession(holder);
  void devtools.send('Page.crash').catch(() => undefined);
  await holder.waitForEvent('crash');
  texts.push(...(await talking), ...(await bobSays(3)));
  await untilHeard(texts, ...others);
  await expect.poll(() => streams.asked).toBe(2);
  for (const tab of others) expect(await toldIn(tab)).not.toContain('gap');
});

test('a tab that is to be frozen lets go, and has missed nothing when it is looked at again', async () => {
  const tabs = await threeTabs();
  const { holder, others } = apart(tabs);
  // No page that is driven from here counts as out of sight, and only such are frozen: what the browser
  // tells one before it freezes it is told here.
  await holder.evaluate(() => document.dispatchEvent(new Event('freeze')));
  await untilHeldBy(others);
  const texts = await bobSays(20);
  await untilHeard(texts, ...others);
  expect(await heardIn(holder)).toEqual([]);
  await holder.evaluate(() => document.dispatchEvent(new Event('resume')));
  await untilHeard(texts, holder);
  expect(streams.asked).toBe(2);
  expect(await toldIn(holder)).not.toContain('gap');
});

test('a tab that hangs loses its place, and gets what it missed when it comes round', async () => {
  const tabs = await threeTabs();
  const { holder, others } = apart(tabs);
  const hung = holder.evaluate(() => {
    const until = performance.now() + 25_000;
    while (performance.now() < until);
  });
  const texts = await bobSays(5);
  await untilHeard(texts, ...others);
  await hung;
  texts.push(...(await bobSays(2)));
  await untilHeard(texts, ...tabs);
  await untilHeldBy(others);
  for (const tab of tabs) expect(await toldIn(tab)).not.toContain('gap');
});

test('two people in one browser share nothing, and one who is kept out is told in all tabs', async () => {
  const cem = await newGuest(server.url, 'Cem');
  const mine = [await listen(context, room), await listen(context, room)];
  const his = [
    await listen(context, room, cem.accessToken),
    await listen(context, room, cem.accessToken),
  ];
  expect(streams.asked).toBe(2);
  const texts = await bobSays(2);
  await untilHeard(texts, ...mine, ...his);
  const body = { token: bob.accessToken };
  await call(server.url, 'DELETE', `/api/room?roomId=${room}`, body);
  for (const tab of [...mine, ...his]) {
    await expect.poll(async () => (await toldIn(tab)).at(-1)).toMatch(/^ended: /);
  }
});

test('where the browser has no locks each tab has a stream of its own', async () => {
  await context.addInitScript(() => {
    Object.defineProperty(Navigator.prototype, 'locks', { get: () => undefined });
  });
  const tabs = [await listen(context, room), await listen(context, room)];
  expect(streams.asked).toBe(2);
  await untilHeard(await bobSays(2), ...tabs);
});
