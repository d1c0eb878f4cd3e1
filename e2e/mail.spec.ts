import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fillInSignIn, register } from './support/accounts.ts';
import { axeFindings } from './support/axe.ts';
import { launchChromium, type Person, sitDown } from './support/browser.ts';
import { freePort, Server } from './support/server.mjs';
import { Smtp } from './support/smtp.ts';
import { openSampleRoom, strings, untilFilm } from './support/watching.ts';

const { you, invite, invited, settings } = strings;

let server: Server;
let browser: Browser;

// Without a mail server and without a public address, links are shown at the console.
beforeAll(async () => {
  server = await Server.start();
  browser = await launchChromium();
});

afterAll(async () => {
  await browser.close();
  await server[Symbol.asyncDispose]();
});

/** The newest link that was mailed to an address. */
async function linkTo(email: string, page: string): Promise<string> {
  const pattern = new RegExp(`Mail to ${email}: .*(/${page}\\?token=[\\w-]+)`, 'g');
  let link = '';
  await expect
    .poll(() => (link = [...server.output.matchAll(pattern)].at(-1)?.[1] ?? ''))
    .not.toBe('');
  return link;
}

/** Says what a page complained of, beside the answers that were to come. */
function faults(person: Person): string[] {
  return person.faults.filter((fault) => !/status of (?:401|403|410)/.test(fault));
}

test('who forgot a password sets another by the link', async () => {
  const person = await sitDown(browser, server.url);
  const { page } = person;
  await register(page, 'grace');
  await page.getByRole('button', { name: you.signOut, exact: true }).click();
  await page.getByRole('button', { name: you.forgotten }).click();
  expect(await axeFindings(page)).toEqual([]);
  await page.getByLabel(you.email).fill('grace@example.org');
  await page.keyboard.press('Enter');
  await page.getByText(you.forgottenSent).waitFor();
  const link = await linkTo('grace@example.org', 'reset');
  await page.goto(link);
  expect(page.url()).not.toContain('token');
  expect(await axeFindings(page)).toEqual([]);
  await page.getByLabel(you.newPassword).fill('picoseconds');
  await page.keyboard.press('Enter');
  await page.getByText(you.resetDone).waitFor();
  await page.getByRole('link', { name: you.signIn }).click();
  await fillInSignIn(page, 'grace', 'picoseconds');
  await page.getByRole('button', { name: you.signOut, exact: true }).waitFor();
  await page.goto(link);
  await page.getByLabel(you.newPassword).fill('femtoseconds');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').waitFor();
  expect(faults(person)).toEqual([]);
});

test('an address is proved by the link', async () => {
  using smtp = await Smtp.start();
  const port = await freePort();
  const PARLOR_PUBLIC_URL = `http://localhost:${String(port)}`;
  await using posting = await Server.start({ port, env: { ...smtp.env, PARLOR_PUBLIC_URL } });
  const person = await sitDown(browser, posting.url);
  const { page } = person;
  await register(page, 'hedy');
  await page.getByText(you.unverified).waitFor();
  expect(await axeFindings(page)).toEqual([]);
  await page.getByRole('button', { name: you.sendAgain }).click();
  await page.getByText(you.sentAgain).waitFor();
  await page.goto(await smtp.linkTo('hedy@example.org', 'verify'));
  expect(page.url()).not.toContain('token');
  await page.getByRole('button', { name: you.verifyYes }).click();
  await page.getByText(you.verifyDone).waitFor();
  await page.getByRole('link', { name: you.toYou }).click();
  await page.getByRole('button', { name: you.signOut, exact: true }).waitFor();
  expect(await page.getByText(you.unverified).count()).toBe(0);
  expect(faults(person)).toEqual([]);
});

test('an invitation by mail opens a closed door for one person', async () => {
  const ada = await openSampleRoom(browser, server);
  const { page } = ada;
  const stir = async () => {
    await page.mouse.move(200, 130);
    await page.mouse.move(205, 135);
  };
  const openInvitations = async () => {
    await stir();
    await page.getByRole('button', { name: strings.room.invite, exact: true }).first().click();
    await page.getByRole('heading', { name: invite.mail }).waitFor();
  };
  const room = page.url();
  // A guest is told what it takes.
  await openInvitations();
  await page.getByRole('link', { name: invite.mailAccount }).waitFor();
  await page.keyboard.press('Escape');
  await register(page, 'ada_l');
  await page.goto(room);
  await untilFilm(ada);
  await stir();
  await page.getByRole('button', { name: strings.room.more, exact: true }).click();
  await page.getByRole('menuitem', { name: strings.room.settings }).click();
  await page.getByLabel(settings.entry).selectOption('invited');
  await page.getByRole('button', { name: settings.save, exact: true }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });

  await openInvitations();
  const send = async (email: string) => {
    await page.getByLabel(invite.address).fill(email);
    await page.getByLabel(invite.message).fill('Bring crisps');
    await page.getByRole('button', { name: invite.send }).click();
    await page.getByText(invite.sent(email)).waitFor();
  };
  await send('eve@example.org');
  await send('mallory@example.org');
  const pending = page.getByRole('list', { name: invite.pending }).getByRole('listitem');
  await expect.poll(() => pending.count()).toBe(2);
  expect(await axeFindings(page)).toEqual([]);
  await page.getByRole('button', { name: invite.withdrawOf('mallory@example.org') }).click();
  await expect.poll(() => pending.count()).toBe(1);

  const mallory = await sitDown(browser, server.url);
  await mallory.page.goto(await linkTo('mallory@example.org', 'invitation'));
  await mallory.page.getByRole('alert').waitFor();

  const eve = await sitDown(browser, server.url);
  const link = await linkTo('eve@example.org', 'invitation');
  await eve.page.goto(link);
  await eve.page.getByText(invited.by('ada_l')).waitFor();
  await eve.page.getByText('Bring crisps').waitFor();
  expect(await axeFindings(eve.page)).toEqual([]);
  await eve.page.getByRole('button', { name: invited.comeIn, exact: true }).click();
  await untilFilm(eve);
  await expect.poll(() => pending.count(), { timeout: 15_000 }).toBe(0);

  await mallory.page.goto(link);
  await mallory.page.getByRole('button', { name: invited.comeIn, exact: true }).click();
  await mallory.page.getByRole('alert').waitFor();
  expect([ada, eve, mallory].flatMap(faults)).toEqual([]);
});
