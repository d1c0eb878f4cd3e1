import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { axeFindings } from './support/axe.ts';
import { launchChromium, type Person, sitDown } from './support/browser.ts';
import { Server } from './support/server.mjs';
import { openSampleRoom, strings, untilFilm } from './support/watching.ts';

const { people, settings, ends } = strings;

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

/** Comes into a room under a name. */
async function comeInAs(displayName: string, address: string): Promise<Person> {
  const person = await sitDown(browser, server.url);
  await person.page.goto('/');
  await person.page.evaluate(async (name) => {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ displayName: name });
    await fetch('/api/v1/auth/guest', { method: 'POST', headers, body });
  }, displayName);
  await person.page.goto(address);
  await untilFilm(person);
  return person;
}

/** Does something with somebody, by keyboard, from the list of people. */
async function order(page: Page, name: string, item: string): Promise<void> {
  await page.getByRole('tab', { name: strings.room.tabs.people }).click();
  await page.getByRole('button', { name: people.menu(name) }).press('Enter');
  const chosen = page.getByRole('menuitem', { name: item, exact: true });
  await chosen.waitFor();
  expect(await axeFindings(page)).toEqual([]);
  await chosen.press('Enter');
}

/** Waits until somebody has a role in the list of people. */
async function untilRole(page: Page, name: string, role: string): Promise<void> {
  await page.getByRole('tab', { name: strings.room.tabs.people }).click();
  const row = page.getByRole('listitem').filter({ hasText: name });
  await row.getByText(new RegExp(`^${role} · `)).waitFor();
}

/** What a page complained of, beside the refusals at the door. */
function faults(person: Person): string[] {
  return person.faults.filter((fault) => !fault.includes('status of 403'));
}

test('offices are given, people sent out, banned and let back in', async () => {
  const ada = await openSampleRoom(browser, server);
  const [bobs, caras] = ['Bob', 'Cara'];
  const bob = await comeInAs(bobs, ada.page.url());
  const cara = await comeInAs(caras, ada.page.url());

  await order(ada.page, bobs, people.makeModerator);
  await untilRole(ada.page, bobs, people.roles.moderator);
  await order(bob.page, caras, people.remove);
  await cara.page.getByRole('heading', { name: ends.removed }).waitFor();
  await cara.page.reload();
  await untilFilm(cara);

  await order(bob.page, caras, people.ban);
  await cara.page.getByRole('heading', { name: ends.removed }).waitFor();
  await cara.page.reload();
  await cara.page
    .getByRole('alert')
    .getByText(strings.front.errors['removed'] ?? '')
    .waitFor();

  await ada.page.mouse.move(200, 130);
  await ada.page.mouse.move(205, 135);
  await ada.page.getByRole('button', { name: strings.room.more, exact: true }).click();
  await ada.page.getByRole('menuitem', { name: strings.room.settings }).click();
  await ada.page.getByText(settings.rolesTable.title).click();
  await ada.page.getByRole('rowheader', { name: settings.rolesTable.acts.appoint }).waitFor();
  const pardon = ada.page.getByRole('button', { name: settings.bans.pardonOf(caras) });
  await pardon.waitFor();
  expect(await axeFindings(ada.page)).toEqual([]);
  await pardon.click();
  await expect.poll(() => pardon.count()).toBe(0);
  await ada.page.keyboard.press('Escape');
  await cara.page.goto(ada.page.url());
  await untilFilm(cara);

  await order(ada.page, bobs, people.makeMember);
  await order(ada.page, bobs, people.makeHost);
  await untilRole(cara.page, bobs, people.roles.host);
  expect([ada, bob, cara].flatMap(faults)).toEqual([]);
});
