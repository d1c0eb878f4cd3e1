import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { axeFindings } from './support/axe.ts';
import { launchChromium, sitDown } from './support/browser.ts';
import { Server } from './support/server.mjs';
import { say, strings, untilSeen } from './support/watching.ts';

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

test('a room that vanishes says how long it has, and a plain EventSource hears what is said', async () => {
  const ada = await sitDown(browser, server.url);
  await ada.page.goto('/');
  await ada.page.getByRole('button', { name: strings.front.vanishing }).click();
  await ada.page.waitForURL('**/room/*');
  const clock = ada.page.getByRole('button', { name: strings.room.vanishes(10), exact: false });
  await clock.waitFor();
  expect((await clock.textContent())?.trim()).toMatch(/^(?:9:5\d|10:00)$/);
  expect(await axeFindings(ada.page)).toEqual([]);

  // Somebody else's page, with nothing but what every browser has.
  const bob = await sitDown(browser, server.url);
  const room = new URL(ada.page.url()).pathname.split('/')[2] ?? '';
  await bob.page.goto(`/room/${room}`);
  await bob.page.evaluate((channel) => {
    const heard: string[] = [];
    Object.assign(window, { heard });
    const stream = new EventSource(`/api/realtime?channel=${channel}`);
    stream.onmessage = ({ data, lastEventId }: MessageEvent<string>) => {
      const told = JSON.parse(data) as { event?: string; data?: { text?: string } };
      if (told.event === 'chat.message') heard.push(`${told.data?.text ?? ''} ${lastEventId}`);
      if (told.event === 'chat.destroy') heard.push('destroyed');
    };
  }, room);
  await say(ada, 'nobody else hears this');
  await untilSeen(bob, 'nobody else hears this');
  const heard = () => bob.page.evaluate(() => (window as unknown as { heard: string[] }).heard);
  await expect
    .poll(heard)
    .toEqual([expect.stringMatching(/^nobody else hears this [0-9a-f]+-\d+$/)]);

  // How far one has read is known after a reload, and not kept for longer than the tab is open.
  const kept = (storage: 'localStorage' | 'sessionStorage') =>
    bob.page.evaluate((name) => window[name].getItem('parlor.read'), storage);
  await expect.poll(() => kept('sessionStorage')).toMatch(/^\{"[\w-]+ [\w-]+":1\}$/);
  expect(await kept('localStorage')).toBe(null);

  // Whoever opened it ends it: everybody is told, and it is gone, from their devices as well.
  await ada.page.evaluate(async (roomId) => {
    await fetch(`/api/room?roomId=${roomId}`, { method: 'DELETE' });
  }, room);
  await bob.page.getByText(strings.ends.ended).waitFor();
  await expect.poll(heard).toContain('destroyed');
  for (const { page } of [ada, bob]) {
    const left = () => page.evaluate(() => JSON.stringify([localStorage, sessionStorage]));
    await expect.poll(left).not.toContain(room);
  }
  await ada.page.goto(`/room/${room}`);
  await ada.page.getByText(strings.front.errors['room-not-found'] ?? '').waitFor();
  await bob.page.context().close();
  await ada.page.context().close();
});
