import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { register } from './support/accounts.ts';
import { axeFindings } from './support/axe.ts';
import { launchChromium, type Person, sitDown } from './support/browser.ts';
import { Server } from './support/server.mjs';
import { strings } from './support/watching.ts';

const say = strings.messages;

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

async function enter(name: string): Promise<Person> {
  const person = await sitDown(browser, server.url);
  await register(person.page, name);
  return person;
}

async function leave(...people: Person[]): Promise<void> {
  for (const { page } of people) await page.context().close();
}

const field = (page: Page, name: string): Locator =>
  page.getByRole('textbox', { name: say.writeTo(name) });
const log = (page: Page, name: string): Locator => page.getByRole('log', { name: say.with(name) });

/** Finds somebody by name and opens the conversation. */
async function find(page: Page, name: string): Promise<void> {
  await page.goto('/messages');
  await page.getByRole('searchbox', { name: say.search }).fill(name.slice(0, 4));
  await page.getByRole('link', { name }).click();
  await field(page, name).waitFor();
}

async function untilSaid(page: Page, name: string, text: string): Promise<void> {
  await log(page, name).getByText(text, { exact: true }).waitFor();
}

test('two people find each other and write, one of them by keyboard alone', async () => {
  const ada = await enter('ada_lovelace');
  const bob = await enter('bob_builder');

  // With the keyboard: the search is the first thing one comes to in the list.
  await ada.page.goto('/messages');
  await ada.page.getByRole('searchbox', { name: say.search }).focus();
  await ada.page.keyboard.type('bob_b');
  await ada.page.getByRole('link', { name: 'bob_builder' }).waitFor();
  await ada.page.keyboard.press('Tab');
  await ada.page.keyboard.press('Enter');
  await field(ada.page, 'bob_builder').waitFor();
  await expect
    .poll(() => field(ada.page, 'bob_builder').evaluate((it) => it === document.activeElement))
    .toBe(true);
  await ada.page.keyboard.type('Good evening <b>Bob</b>');
  await ada.page.keyboard.press('Enter');
  await untilSaid(ada.page, 'bob_builder', 'Good evening <b>Bob</b>');

  // Bob is elsewhere in the site: he is told, the rail counts it, and the title too.
  await bob.page.getByText('ada_lovelace: Good evening <b>Bob</b>').waitFor();
  const rail = bob.page.getByRole('navigation').getByRole('link', { name: strings.app.messages });
  await expect.poll(() => rail.textContent()).toContain(say.unread(1));
  await rail.click();
  await expect.poll(() => bob.page.title()).toMatch(/^\(1\) /);
  await bob.page.getByRole('link', { name: /ada_lovelace/ }).click();
  await untilSaid(bob.page, 'ada_lovelace', 'Good evening <b>Bob</b>');
  await expect.poll(() => bob.page.title()).not.toMatch(/^\(/);

  // Seeing is reading, and the author sees that.
  await log(ada.page, 'bob_builder').getByText(say.read).waitFor();
  await ada.page.getByText(say.online, { exact: true }).first().waitFor();

  // Typing is seen, and ends with the message.
  await field(bob.page, 'ada_lovelace').pressSequentially('Good ev');
  await ada.page.getByText(say.types('bob_builder')).waitFor();
  await field(bob.page, 'ada_lovelace').fill('Good evening, Ada');
  await bob.page.keyboard.press('Enter');
  await untilSaid(ada.page, 'bob_builder', 'Good evening, Ada');
  await ada.page.getByText(say.types('bob_builder')).waitFor({ state: 'detached' });

  for (const { page, faults } of [ada, bob]) {
    expect(await axeFindings(page)).toEqual([]);
    expect(faults).toEqual([]);
  }
  await leave(ada, bob);
});

test('what is written while the server is away is sent when it is back, once', async () => {
  const cem = await enter('cem_karaca');
  const dia = await enter('dia_mante');
  await find(cem.page, 'dia_mante');
  await cem.page.context().setOffline(true);
  await field(cem.page, 'dia_mante').fill('from the tunnel');
  await cem.page.keyboard.press('Enter');
  await cem.page.getByText('from the tunnel').waitFor();
  await cem.page.context().setOffline(false);
  await log(cem.page, 'dia_mante').getByText(say.sent).waitFor();
  await dia.page.goto('/messages');
  await dia.page.getByRole('link', { name: /cem_karaca/ }).click();
  await untilSaid(dia.page, 'cem_karaca', 'from the tunnel');
  expect(await log(dia.page, 'cem_karaca').getByText('from the tunnel').count()).toBe(1);
  expect(cem.faults.filter((fault) => !/ERR_INTERNET_DISCONNECTED|WebSocket/.test(fault))).toEqual(
    [],
  );
  await leave(cem, dia);
});

test('receipts are taken as they come: no list is read anew for them', async () => {
  const kim = await enter('kim_gordon');
  const lee = await enter('lee_ranaldo');
  await find(kim.page, 'lee_ranaldo');
  await find(lee.page, 'kim_gordon');
  const write = async (page: Page, to: string, text: string) => {
    await field(page, to).fill(text);
    await field(page, to).press('Enter');
  };
  await write(kim.page, 'lee_ranaldo', 'first');
  await log(kim.page, 'lee_ranaldo').getByText(say.read).waitFor();
  await write(lee.page, 'kim_gordon', 'second');
  await untilSaid(kim.page, 'lee_ranaldo', 'second');
  await log(lee.page, 'kim_gordon').getByText(say.read).waitFor();

  const asked: string[] = [];
  for (const { page } of [kim, lee]) page.on('request', (request) => asked.push(request.url()));
  for (const text of ['third', 'fourth']) {
    await write(kim.page, 'lee_ranaldo', text);
    await untilSaid(lee.page, 'kim_gordon', text);
    const line = log(kim.page, 'lee_ranaldo').getByRole('listitem').filter({ hasText: text });
    await line.getByText(say.read).waitFor();
  }
  await expect.poll(() => kim.page.title()).not.toMatch(/^\(/);
  const lists = asked.filter((url) => /\/(?:contacts|requests|conversations)\b/.test(url));
  expect(lists).toEqual([]);
  await leave(kim, lee);
});

test('a draft is still there after a reload', async () => {
  const eli = await enter('eli_wallach');
  const fay = await enter('fay_wray');
  await find(eli.page, 'fay_wray');
  await field(eli.page, 'fay_wray').fill('half a thou');
  await eli.page.reload();
  await expect.poll(() => field(eli.page, 'fay_wray').inputValue()).toBe('half a thou');
  await leave(eli, fay);
});

test('whoever wants to be asked first sees a request, and is seen only after accepting it', async () => {
  const gil = await enter('gil_scott');
  const hal = await enter('hal_hartley');
  await hal.page.goto('/messages');
  await hal.page.getByRole('button', { name: say.reach }).click();
  await hal.page.getByRole('checkbox', { name: say.strangersAsk }).check();
  await hal.page.keyboard.press('Escape');

  await find(gil.page, 'hal_hartley');
  await field(gil.page, 'hal_hartley').fill('May I?');
  await gil.page.keyboard.press('Enter');
  await log(gil.page, 'hal_hartley').getByText(say.sent).waitFor();
  await hal.page.reload();
  await hal.page.getByRole('heading', { name: say.requests }).waitFor();
  await hal.page.getByRole('link', { name: 'gil_scott' }).click();
  await untilSaid(hal.page, 'gil_scott', 'May I?');
  expect(await axeFindings(hal.page)).toEqual([]);
  // He has seen it, and Gil does not know.
  expect(await log(gil.page, 'hal_hartley').getByText(say.read).count()).toBe(0);
  await hal.page.getByRole('button', { name: say.accept, exact: true }).last().click();
  await field(hal.page, 'gil_scott').fill('You may.');
  await hal.page.keyboard.press('Enter');
  await untilSaid(gil.page, 'hal_hartley', 'You may.');
  await log(gil.page, 'hal_hartley').getByText(say.read).waitFor();
  await leave(gil, hal);
});

test('a conversation is deleted for oneself, and somebody who is blocked cannot write', async () => {
  const ida = await enter('ida_lupino');
  const jim = await enter('jim_jarmusch');
  await find(jim.page, 'ida_lupino');
  await field(jim.page, 'ida_lupino').fill('again and again');
  await jim.page.keyboard.press('Enter');
  await ida.page.goto('/messages');
  await ida.page.getByRole('link', { name: /jim_jarmusch/ }).click();
  await untilSaid(ida.page, 'jim_jarmusch', 'again and again');
  await ida.page.getByRole('button', { name: say.menu('jim_jarmusch') }).click();
  await ida.page.getByRole('menuitem', { name: say.delete }).click();
  await ida.page.getByRole('button', { name: say.delete }).click();
  await ida.page.getByText(say.emptyThread('jim_jarmusch')).waitFor();
  await untilSaid(jim.page, 'ida_lupino', 'again and again');

  await ida.page.getByRole('button', { name: say.menu('jim_jarmusch') }).click();
  await ida.page.getByRole('menuitem', { name: say.block }).click();
  await ida.page.getByRole('button', { name: say.block }).click();
  await ida.page.waitForURL('**/messages');
  await field(jim.page, 'ida_lupino').fill('and again');
  await jim.page.keyboard.press('Enter');
  await jim.page.getByText(say.failed).waitFor();
  expect(jim.faults.filter((fault) => !/403/.test(fault))).toEqual([]);
  await leave(ida, jim);
});

test('without an account the page says what is needed', async () => {
  const person = await sitDown(browser, server.url);
  await person.page.goto('/messages');
  await person.page.getByText(say.needsAccount).waitFor();
  expect(await axeFindings(person.page)).toEqual([]);
  await leave(person);
});
