import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { axeFindings } from './support/axe.ts';
import { launchChromium, type Person, sitDown } from './support/browser.ts';
import { Server } from './support/server.mjs';
import { openSampleRoom, strings, untilFilm } from './support/watching.ts';

const { door, settings } = strings;

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

/** Opens the room's settings, changes them, and saves. */
async function arrange(host: Person, change: (page: Page) => Promise<void>): Promise<void> {
  const { page } = host;
  await page.mouse.move(200, 130);
  await page.mouse.move(205, 135);
  await page.getByRole('button', { name: strings.room.more, exact: true }).click();
  await page.getByRole('menuitem', { name: strings.room.settings }).click();
  await change(page);
  await page.getByRole('button', { name: settings.save, exact: true }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
}

/** Sits somebody down before a room's door. */
async function stand(address: string, name: string): Promise<Person> {
  const person = await sitDown(browser, server.url);
  await person.page.goto(address);
  await person.page.getByRole('heading', { name }).waitFor();
  return person;
}

/** What a person's page complained of, beside the refusals at the door. */
function faults(person: Person): string[] {
  return person.faults.filter((fault) => !fault.includes('status of 403'));
}

test('a room with a password lets in who knows it', async () => {
  const ada = await openSampleRoom(browser, server);
  await arrange(ada, (page) => page.getByLabel(settings.password).fill('open sesame'));
  const bob = await stand(ada.page.url(), door.password);
  expect(await axeFindings(bob.page)).toEqual([]);
  await bob.page.getByLabel(door.passwordField).fill('open says me');
  await bob.page.getByRole('button', { name: door.enter }).click();
  await bob.page.getByRole('alert').getByText('not the password').waitFor();
  await bob.page.getByLabel(door.passwordField).fill('open sesame');
  await bob.page.keyboard.press('Enter');
  await untilFilm(bob);
  await bob.page.reload();
  await untilFilm(bob);
  expect([ada, bob].flatMap(faults)).toEqual([]);
});

test('who knocks waits, is seen, and comes in when let in', async () => {
  const ada = await openSampleRoom(browser, server);
  await arrange(ada, async (page) => {
    await page.getByLabel(settings.entry).selectOption('knock');
  });
  const bob = await stand(ada.page.url(), door.knock);
  expect(await axeFindings(bob.page)).toEqual([]);
  await ada.page.getByRole('tab', { name: strings.room.tabs.people }).click();
  expect(await ada.page.getByText(door.callers).count()).toBe(0);
  await bob.page.getByLabel(door.message).fill('It is me, from the film club');
  await bob.page.getByRole('button', { name: door.knockNow, exact: true }).click();
  await bob.page.getByRole('heading', { name: door.waiting }).waitFor();
  await ada.page.getByRole('tab', { name: strings.room.tabs.people }).click();
  await ada.page.getByText('It is me, from the film club').waitFor();
  expect(await axeFindings(ada.page)).toEqual([]);
  await ada.page.getByRole('button', { name: /^Let in ./ }).click();
  await untilFilm(bob);
  await expect.poll(() => ada.page.getByText(door.callers).count()).toBe(0);
  expect([ada, bob].flatMap(faults)).toEqual([]);
});

test('who is turned away is told, may knock again, and all come in at once', async () => {
  const ada = await openSampleRoom(browser, server);
  await arrange(ada, async (page) => {
    await page.getByLabel(settings.entry).selectOption('knock');
  });
  await ada.page.getByRole('tab', { name: strings.room.tabs.people }).click();
  const bob = await stand(ada.page.url(), door.knock);
  await bob.page.getByRole('button', { name: door.knockNow, exact: true }).click();
  await ada.page.getByRole('button', { name: /^Not now, ./ }).click();
  await bob.page.getByRole('heading', { name: door.turnedAway }).waitFor();
  await bob.page.getByRole('button', { name: door.again }).click();
  const eve = await stand(ada.page.url(), door.knock);
  await eve.page.getByRole('button', { name: door.knockNow, exact: true }).click();
  await ada.page.getByRole('button', { name: door.letInAll }).click();
  await Promise.all([untilFilm(bob), untilFilm(eve)]);
});

test('a guest makes an account at the door where one is needed', async () => {
  const ada = await openSampleRoom(browser, server);
  await arrange(ada, async (page) => {
    await page.getByLabel(settings.entry).selectOption('accounts');
  });
  const bob = await stand(ada.page.url(), door.account);
  await bob.page.getByRole('button', { name: strings.you.switchToRegister }).click();
  await bob.page.getByLabel(strings.you.username).fill('bob_at_the_door');
  await bob.page.getByLabel(strings.you.email).fill('bob@example.org');
  await bob.page.getByLabel(strings.you.password).fill('long enough');
  await bob.page.getByRole('button', { name: strings.you.register, exact: true }).click();
  await untilFilm(bob);
});

test('only invited people: everybody else is told so', async () => {
  const ada = await openSampleRoom(browser, server);
  await arrange(ada, async (page) => {
    await page.getByLabel(settings.entry).selectOption('invited');
  });
  const bob = await stand(ada.page.url(), door.invited);
  await bob.page.getByRole('button', { name: door.giveUp }).click();
  await bob.page.waitForURL(`${server.url}/`);
});
