import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fillInSignIn, register } from './support/accounts.ts';
import { axeFindings } from './support/axe.ts';
import { launchChromium, type Person, sitDown } from './support/browser.ts';
import { Server } from './support/server.mjs';
import { strings } from './support/watching.ts';

const say = strings.messages;

let server: Server;
let browser: Browser;

beforeAll(async () => {
  server = await Server.start({ args: ['--insecure-no-rate-limits'] });
  browser = await launchChromium();
});

afterAll(async () => {
  await browser.close();
  await server[Symbol.asyncDispose]();
});

/** The sockets of one browser profile that are open, each with the page that has it. */
class Sockets {
  /** How many were opened in all. */
  opened = 0;
  readonly #open = new Set<Page>();

  constructor(context: BrowserContext) {
    const watch = (page: Page) => {
      page.on('websocket', (socket) => {
        if (!socket.url().includes('/socket.io/')) return;
        this.opened += 1;
        this.#open.add(page);
        socket.on('close', () => this.#open.delete(page));
      });
    };
    for (const page of context.pages()) watch(page);
    context.on('page', watch);
    // A page that is left takes its socket along, which is not told.
    context.on('request', (request) => {
      const isPage = request.isNavigationRequest() && request.frame().parentFrame() === null;
      if (isPage) this.#open.delete(request.frame().page());
    });
  }

  /** The pages that have one. */
  get holders(): Page[] {
    return [...this.#open].filter((page) => !page.isClosed());
  }
}

async function enter(name: string): Promise<Person & { sockets: Sockets }> {
  const person = await sitDown(browser, server.url);
  const sockets = new Sockets(person.page.context());
  await register(person.page, name);
  return { ...person, sockets };
}

const field = (page: Page, name: string): Locator =>
  page.getByRole('textbox', { name: say.writeTo(name) });
const log = (page: Page, name: string): Locator => page.getByRole('log', { name: say.with(name) });

/** Finds somebody by name and opens the conversation; returns its address. */
async function find(page: Page, name: string): Promise<string> {
  await page.goto('/messages');
  await page.getByRole('searchbox', { name: say.search }).fill(name.slice(0, 4));
  await page.getByRole('link', { name }).click();
  await field(page, name).waitFor();
  return page.url();
}

async function write(page: Page, name: string, text: string): Promise<void> {
  await field(page, name).fill(text);
  await field(page, name).press('Enter');
}

/** What was said in a conversation, in order, as the page shows it. */
async function saidIn(page: Page, name: string): Promise<string[]> {
  return log(page, name).locator('.said').allTextContents();
}

async function untilSaid(page: Page, name: string, texts: string[]): Promise<void> {
  await expect.poll(() => saidIn(page, name), { timeout: 30_000 }).toEqual(texts);
}

test('two tabs have one connection; both show what is said, whichever it is said in', async () => {
  const ada = await enter('ada_two_tabs');
  const bob = await enter('bob_two_tabs');
  const address = await find(ada.page, 'bob_two_tabs');
  const second = await ada.page.context().newPage();
  await second.goto(address);
  await field(second, 'bob_two_tabs').waitFor();
  await find(bob.page, 'ada_two_tabs');
  const tabs = [ada.page, second];
  await expect.poll(() => ada.sockets.holders).toEqual([ada.page]);

  await write(second, 'bob_two_tabs', 'from the second');
  await write(ada.page, 'bob_two_tabs', 'from the first');
  await untilSaid(bob.page, 'ada_two_tabs', ['from the second', 'from the first']);
  await write(bob.page, 'ada_two_tabs', 'to both');
  const all = ['from the second', 'from the first', 'to both'];
  for (const tab of tabs) await untilSaid(tab, 'bob_two_tabs', all);
  // Who reads in one has read in both, and typing is seen from either.
  for (const tab of tabs) {
    await log(tab, 'bob_two_tabs').getByText(say.read).waitFor();
    expect(await axeFindings(tab)).toEqual([]);
  }
  await field(second, 'bob_two_tabs').pressSequentially('hm');
  await bob.page.getByText(say.types('ada_two_tabs')).waitFor();
  expect(ada.sockets.holders).toEqual([ada.page]);

  // The badge of a third tab, which looks elsewhere, goes when one of the others has read.
  const third = await ada.page.context().newPage();
  await third.goto('/');
  const rail = third.getByRole('navigation').getByRole('link', { name: strings.app.messages });
  await second.goto('/you');
  await ada.page.goto('/you');
  await write(bob.page, 'ada_two_tabs', 'are you there?');
  await expect.poll(() => rail.textContent()).toContain(say.unread(1));
  await second.goto(address);
  await untilSaid(second, 'bob_two_tabs', [...all, 'are you there?']);
  await expect.poll(() => rail.textContent()).not.toContain(say.unread(1));
  expect(ada.sockets.holders).toHaveLength(1);
  expect([...ada.faults, ...bob.faults]).toEqual([]);
  for (const { page } of [ada, bob]) await page.context().close();
});

test('the tab that holds the connection is closed while another writes: all of it arrives, once and in order', async () => {
  const cem = await enter('cem_writes_on');
  const dia = await enter('dia_reads_on');
  const address = await find(cem.page, 'dia_reads_on');
  await expect.poll(() => cem.sockets.holders).toEqual([cem.page]);
  const second = await cem.page.context().newPage();
  await second.goto(address);
  await field(second, 'dia_reads_on').waitFor();
  await find(dia.page, 'cem_writes_on');

  const texts = Array.from({ length: 30 }, (_, n) => `line ${String(n)}`);
  let closing: Promise<void> | undefined;
  for (const [n, text] of texts.entries()) {
    await write(second, 'dia_reads_on', text);
    if (n === 12) closing = cem.page.close();
  }
  await closing;
  await untilSaid(dia.page, 'cem_writes_on', texts);
  await untilSaid(second, 'dia_reads_on', texts);
  await expect.poll(() => cem.sockets.holders).toEqual([second]);
  // What Dia says meanwhile is there as well.
  await write(dia.page, 'cem_writes_on', 'I read all of it');
  await untilSaid(second, 'dia_reads_on', [...texts, 'I read all of it']);
  await second.reload();
  await untilSaid(second, 'dia_reads_on', [...texts, 'I read all of it']);
  expect(dia.faults).toEqual([]);
  for (const { page } of [{ page: second }, dia]) await page.context().close();
});

test('signing out in one tab ends it in all, and another account begins anew in all', async () => {
  const eli = await enter('eli_signs_out');
  const fay = await enter('fay_elsewhere');
  const address = await find(eli.page, 'fay_elsewhere');
  await write(eli.page, 'fay_elsewhere', 'for Fay alone');
  await untilSaid(eli.page, 'fay_elsewhere', ['for Fay alone']);
  await field(eli.page, 'fay_elsewhere').fill('half a thou');
  const second = await eli.page.context().newPage();
  await second.goto('/you');
  await second.getByRole('button', { name: strings.you.signOut, exact: true }).click();
  await eli.page.getByText(say.needsAccount).waitFor();
  await expect.poll(() => eli.sockets.holders).toEqual([]);
  expect(await eli.page.getByText('for Fay alone').count()).toBe(0);

  // Somebody else signs in at this browser.
  const other = await enter('gil_comes_later');
  await other.page.context().close();
  await fillInSignIn(second, 'gil_comes_later');
  await second.getByRole('button', { name: strings.you.signOut, exact: true }).waitFor();
  await field(eli.page, 'fay_elsewhere').waitFor();
  expect(eli.page.url()).toBe(address);
  await eli.page.getByText(say.emptyThread('fay_elsewhere')).waitFor();
  expect(await saidIn(eli.page, 'fay_elsewhere')).toEqual([]);
  expect(await field(eli.page, 'fay_elsewhere').inputValue()).toBe('');
  await expect.poll(() => eli.sockets.holders).toHaveLength(1);
  await find(fay.page, 'gil_comes_later');
  await write(eli.page, 'fay_elsewhere', 'from Gil');
  await untilSaid(fay.page, 'gil_comes_later', ['from Gil']);
  for (const { page } of [eli, fay]) await page.context().close();
});

test('without what browsers keep for secure pages each tab has a connection of its own, and works', async () => {
  const hal = await enter('hal_at_home');
  const ida = await enter('ida_at_home');
  // The pages of a server in the house, by plain http, have neither.
  await hal.page.context().addInitScript(() => {
    Object.defineProperty(Navigator.prototype, 'locks', { get: () => undefined });
    Object.defineProperty(Crypto.prototype, 'randomUUID', { value: undefined });
  });
  const address = await find(hal.page, 'ida_at_home');
  const second = await hal.page.context().newPage();
  await second.goto(address);
  await find(ida.page, 'hal_at_home');
  await write(hal.page, 'ida_at_home', 'one');
  await untilSaid(ida.page, 'hal_at_home', ['one']);
  await write(second, 'ida_at_home', 'two');
  for (const tab of [hal.page, second]) await untilSaid(tab, 'ida_at_home', ['one', 'two']);
  await untilSaid(ida.page, 'hal_at_home', ['one', 'two']);
  await expect.poll(() => hal.sockets.holders).toHaveLength(2);
  expect([...hal.faults, ...ida.faults]).toEqual([]);
  for (const { page } of [hal, ida]) await page.context().close();
});
