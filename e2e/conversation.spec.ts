import type { Browser, Locator } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { axeFindings } from './support/axe.ts';
import { launchChromium, type Person } from './support/browser.ts';
import { Server } from './support/server.mjs';
import { comeIn, moment, openSampleRoom, say, strings, untilSeen } from './support/watching.ts';

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

const log = ({ page }: Person): Locator => page.getByRole('log', { name: strings.chat.title });
const field = ({ page }: Person): Locator =>
  page.getByRole('textbox', { name: strings.chat.placeholder });
const row = (person: Person, text: string): Locator =>
  log(person).locator('[data-message]').filter({ hasText: text });

/** Waits until a text is in nobody's chat. */
async function untilGone(text: string, ...people: Person[]): Promise<void> {
  for (const person of people) await expect.poll(() => row(person, text).count()).toBe(0);
}

async function nameOf({ page }: Person): Promise<string> {
  const me = await page.evaluate(async () => {
    const answer = await fetch('/api/v1/users/me');
    return (await answer.json()) as { displayName: string };
  });
  return me.displayName;
}

test('with the pointer: a reply leads to what it answers, an edit and a deletion reach everybody', async () => {
  const ada = await openSampleRoom(browser, server);
  const bob = await comeIn(browser, server, ada.page.url());
  await say(ada, 'Do you see the lmap?');
  await untilSeen(bob, 'Do you see the lmap?');

  await row(bob, 'lmap').hover();
  await row(bob, 'lmap').getByRole('button', { name: strings.chat.reply }).click();
  const chip = bob.page.getByText(strings.chat.replyingTo(await nameOf(ada)));
  await expect.poll(() => chip.isVisible()).toBe(true);
  await say(bob, 'The lamp, you mean');
  const quote = row(ada, 'The lamp, you mean').getByRole('button', {
    name: 'Do you see the lmap?',
  });
  await quote.click();
  await expect
    .poll(() =>
      row(ada, 'Do you see')
        .first()
        .evaluate((one) => one === document.activeElement),
    )
    .toBe(true);

  await row(ada, 'Do you see').first().hover();
  await row(ada, 'Do you see').first().getByRole('button', { name: strings.chat.edit }).click();
  await expect.poll(() => field(ada).inputValue()).toBe('Do you see the lmap?');
  await say(ada, 'Do you see the lamp?');
  await expect
    .poll(() => row(bob, 'Do you see the lamp?').first().innerText())
    .toContain(strings.chat.edited);
  await untilGone('lmap', ada, bob);

  // Whoever opened the room keeps order in it, and thinks better of it the first time.
  const remove = async () => {
    await row(ada, 'you mean').hover();
    await row(ada, 'you mean').getByRole('button', { name: strings.chat.delete }).click();
  };
  await remove();
  await untilGone('you mean', ada);
  await ada.page.getByRole('status').getByRole('button', { name: strings.app.undo }).click();
  await expect.poll(() => row(ada, 'you mean').count()).toBe(1);
  await remove();
  await untilGone('you mean', ada, bob);
  expect(await row(bob, strings.chat.gone).count()).toBe(1);

  // To go away is no way to keep a message that was deleted a moment ago.
  await row(ada, 'Do you see').hover();
  await row(ada, 'Do you see').getByRole('button', { name: strings.chat.delete }).click();
  await ada.page.reload();
  await untilGone('Do you see', bob);
  await expect.poll(() => row(ada, strings.chat.gone).count()).toBe(2);
  expect([ada, bob].flatMap((person) => person.faults)).toEqual([]);
});

test('with the keys alone: a mention, a reply, an edit, a deletion; and what is new is marked', async () => {
  const ada = await openSampleRoom(browser, server);
  const bob = await comeIn(browser, server, ada.page.url());
  const name = await nameOf(bob);
  await bob.page.getByRole('tab', { name: strings.room.tabs.people }).click();

  const keys = ada.page.keyboard;
  await keys.press('c');
  await expect.poll(() => field(ada).evaluate((one) => one === document.activeElement)).toBe(true);
  await keys.type(`Look, @${name.slice(0, 3).toLowerCase()}`);
  const options = ada.page.getByRole('listbox', { name: strings.chat.suggestions });
  await expect.poll(() => options.getByRole('option').first().innerText()).toContain(name);
  expect(await axeFindings(ada.page), 'suggestions').toEqual([]);
  await keys.press('Enter');
  await expect.poll(() => field(ada).inputValue()).toBe(`Look, @${name} `);
  await keys.type('at @now');
  await keys.press('Enter');
  await keys.press('Enter');

  // Bob looks elsewhere, and is told in three places.
  const told = bob.page.getByText(strings.chat.mentioned(await nameOf(ada)));
  await expect.poll(() => told.isVisible()).toBe(true);
  await expect.poll(() => bob.page.title()).toMatch(/^\(1\) /);
  const tab = bob.page.getByRole('tab', { name: strings.chat.unread(1) });
  await expect.poll(() => tab.count()).toBe(1);
  await bob.page.getByRole('button', { name: strings.chat.show }).click();
  const line = log(bob).getByText(strings.chat.newLine, { exact: true });
  await expect.poll(() => line.isVisible()).toBe(true);
  expect(await row(bob, `@${name}`).getAttribute('class')).toContain('for-me');
  expect(await axeFindings(bob.page), 'a mention').toEqual([]);
  await expect.poll(() => bob.page.title()).not.toMatch(/^\(/);
  await expect.poll(() => line.count()).toBe(0);

  await keys.press('ArrowUp');
  await expect.poll(() => ada.page.getByText(strings.chat.editing).isVisible()).toBe(true);
  await keys.press('Escape');
  await keys.press('Shift+Tab');
  await keys.press('ArrowUp');
  await keys.press('r');
  await expect.poll(() => field(ada).evaluate((one) => one === document.activeElement)).toBe(true);
  await keys.type('or not');
  await keys.press('Enter');
  await expect.poll(() => row(bob, 'or not').getByRole('button').first().isVisible()).toBe(true);
  await keys.press('Shift+Tab');
  await keys.press('ArrowUp');
  await keys.press('e');
  await keys.press('ControlOrMeta+a');
  await keys.type('later');
  await keys.press('Enter');
  await untilGone('or not', ada, bob);
  await keys.press('Shift+Tab');
  await keys.press('ArrowUp');
  expect(await axeFindings(ada.page), 'a message with its tools').toEqual([]);
  await keys.press('Delete');
  await untilGone('later', ada, bob);
  expect([ada, bob].flatMap((person) => person.faults)).toEqual([]);
});

test('a moment of the film in a message is a button that goes there, for everybody', async () => {
  const ada = await openSampleRoom(browser, server);
  const bob = await comeIn(browser, server, ada.page.url());
  await say(ada, 'The best is at 0:42, not at 42:00');
  const mark = bob.page.getByRole('button', { name: strings.chat.goTo('0:42') });
  await mark.click();
  for (const { page } of [ada, bob]) {
    await expect
      .poll(async () => Math.abs((await moment(page)).positionMs - 42_000))
      .toBeLessThan(2_000);
  }
  expect(
    await log(bob)
      .getByRole('button', { name: strings.chat.goTo('42:00') })
      .count(),
  ).toBe(0);
  await ada.page.getByRole('button', { name: strings.chat.insertTime }).click();
  expect(await field(ada).inputValue()).toMatch(/^0:4\d $/);
});

test('on a phone a finger that rests on a message calls up what can be done with it', async () => {
  const ada = await openSampleRoom(browser, server);
  const phone = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };
  const bob = await comeIn(browser, server, ada.page.url(), phone);
  await say(ada, 'Can you read this?');
  await untilSeen(bob, 'Can you read this?');
  const message = row(bob, 'Can you read this?');
  const reply = message.getByRole('button', { name: strings.chat.reply });
  expect(await reply.isVisible()).toBe(false);
  await message.dispatchEvent('pointerdown', { pointerType: 'touch' });
  await expect.poll(() => reply.isVisible()).toBe(true);
  expect(await axeFindings(bob.page)).toEqual([]);
  await message.getByRole('button', { name: strings.chat.copy }).tap();
  await expect.poll(() => bob.page.getByText(strings.chat.copied).isVisible()).toBe(true);
  expect(await bob.page.evaluate(() => navigator.clipboard.readText())).toBe('Can you read this?');
  await message.dispatchEvent('pointerdown', { pointerType: 'touch' });
  await expect.poll(() => reply.isVisible()).toBe(true);
  await reply.tap();
  await say(bob, 'Without glasses');
  const quoted = row(ada, 'Without glasses').getByRole('button', { name: 'Can you read this?' });
  await expect.poll(() => quoted.isVisible()).toBe(true);
});

test('what was not read is still marked after a reload, and nothing is kept of a room that is gone', async () => {
  const ada = await openSampleRoom(browser, server);
  await say(ada, 'before Bob came');
  const bob = await comeIn(browser, server, ada.page.url());
  const line = log(bob).getByText(strings.chat.newLine, { exact: true });
  await untilSeen(bob, 'before Bob came');
  expect(await line.count()).toBe(0);
  await bob.page.getByRole('tab', { name: strings.room.tabs.people }).click();
  await say(ada, 'the first he missed');
  await say(ada, 'the second');
  await expect.poll(() => bob.page.title()).toMatch(/^\(2\) /);

  await bob.page.reload();
  await expect.poll(() => line.isVisible()).toBe(true);
  const texts = await log(bob).innerText();
  const places = ['before Bob came', strings.chat.newLine, 'the first he missed', 'the second'].map(
    (text) => texts.toLowerCase().indexOf(text.toLowerCase()),
  );
  expect(places).toEqual(places.toSorted((a, b) => a - b));
  expect(places).not.toContain(-1);
  expect(await axeFindings(bob.page), 'after a reload').toEqual([]);
  await expect.poll(() => line.count()).toBe(0);

  // Now it is read, and stays so; what is kept is a number.
  const kept = () => bob.page.evaluate(() => localStorage.getItem('parlor.read'));
  await expect.poll(kept).toMatch(/^\{"[\w-]+ [\w-]+":3\}$/);
  await bob.page.reload();
  await untilSeen(bob, 'the second');
  await expect.poll(() => bob.page.title()).not.toMatch(/^\(/);
  expect(await line.count()).toBe(0);

  const room = new URL(ada.page.url()).pathname.split('/')[2] ?? '';
  await ada.page.evaluate((id) => fetch(`/api/v1/rooms/${id}`, { method: 'DELETE' }), room);
  await bob.page.getByText(strings.ends.ended).waitFor();
  await expect.poll(kept).toBe(null);
  expect(await bob.page.evaluate(() => JSON.stringify(localStorage))).not.toContain(room);
});

test('going to another page takes back at once what was to be taken back', async () => {
  const ada = await openSampleRoom(browser, server);
  const bob = await comeIn(browser, server, ada.page.url());
  await say(ada, 'Forget this');
  await untilSeen(bob, 'Forget this');
  await row(ada, 'Forget this').hover();
  await row(ada, 'Forget this').getByRole('button', { name: strings.chat.delete }).click();
  await ada.page.getByLabel(strings.room.back).click();
  await untilGone('Forget this', bob);
  expect(await ada.page.getByText(strings.stage.reconnecting).count()).toBe(0);
});

test('who is mentioned while the page is out of sight is told by the browser, if it may', async () => {
  const ada = await openSampleRoom(browser, server);
  const bob = await comeIn(browser, server, ada.page.url());
  await bob.page.context().grantPermissions(['notifications'], { origin: server.url });
  // No browser without a screen shows one: what is handed to it is written down instead.
  await bob.page.evaluate(() => {
    class Written extends EventTarget {
      static readonly permission = 'granted';
      constructor(title: string, { body }: { body: string }) {
        super();
        document.body.dataset['notified'] = `${title}: ${body}`;
      }
    }
    Object.assign(window, { Notification: Written });
    Object.defineProperty(document, 'visibilityState', { get: () => 'hidden' });
    window.dispatchEvent(new Event('blur'));
  });
  const text = `@${await nameOf(bob)} come back`;
  await say(ada, 'not for you');
  await say(ada, text);
  const notified = () => bob.page.evaluate(() => document.body.dataset['notified']);
  const told = `${strings.chat.mentioned(await nameOf(ada))}: ${text}`;
  await expect.poll(notified).toBe(told);
});
