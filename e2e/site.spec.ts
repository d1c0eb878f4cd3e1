import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fillInAccount, fillInSignIn } from './support/accounts.ts';
import { axeFindings } from './support/axe.ts';
import { launchChromium, type Person, sitDown } from './support/browser.ts';
import { Server } from './support/server.mjs';
import { strings } from './support/watching.ts';

const { you, first, site, app } = strings;

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

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });

/** Says what a page complained of, beside the answers that were to come. */
function faults(person: Person): string[] {
  return person.faults.filter((fault) => !/status of (?:401|403|409|410)/.test(fault));
}

test('the first who runs the site comes by the link, and keeps order among people', async () => {
  const root = await sitDown(browser, server.url);
  const { page } = root;
  const link = /\/first\?token=[\w-]+/.exec(server.output)?.[0] ?? '';
  await page.goto(link);
  await page.getByText(first.needsAccount).waitFor();
  expect(page.url()).not.toContain('token');
  expect(await axeFindings(page)).toEqual([]);
  await fillInAccount(page, 'rooty');
  await button(page, first.as('rooty')).click();
  await page.getByText(first.done).waitFor();

  const bob = await sitDown(browser, server.url);
  await bob.page.goto(link);
  await fillInAccount(bob.page, 'bobby');
  await button(bob.page, first.as('bobby')).click();
  await bob.page.getByRole('alert').waitFor();
  await bob.page.goto('/admin');
  await bob.page.getByText(site.notYours).waitFor();
  expect(await bob.page.getByRole('link', { name: app.site }).count()).toBe(0);

  await page.getByRole('link', { name: app.site, exact: true }).click();
  const people = page.getByRole('list', { name: site.people }).getByRole('listitem');
  await expect.poll(() => people.count()).toBe(2);
  expect(await axeFindings(page)).toEqual([]);
  await page.getByLabel(site.search).fill('BOBBY@');
  await expect.poll(() => people.count()).toBe(1);
  await page.getByLabel(site.search).fill('nobody');
  await page.getByText(site.nobodyFound).waitFor();
  await page.getByLabel(site.search).fill('');
  await expect.poll(() => people.count()).toBe(2);

  const choose = async (name: string, item: string) => {
    await button(page, site.actionsOf(name)).press('Enter');
    const chosen = page.getByRole('menuitem', { name: item, exact: true });
    await chosen.waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await chosen.press('Enter');
  };
  await choose('rooty', site.keepOut);
  await page.getByRole('alert').waitFor();

  await bob.page.goto('/you');
  await button(bob.page, you.signOut).waitFor();
  await choose('bobby', site.keepOut);
  await page.getByText(site.isOut('bobby')).waitFor();
  await bob.page.reload();
  await button(bob.page, you.signIn).waitFor();
  await fillInSignIn(bob.page, 'bobby');
  await bob.page.getByRole('alert').waitFor();
  await choose('bobby', site.letIn);
  await page.getByText(site.isIn('bobby')).waitFor();

  await choose('bobby', site.passwordLink);
  const shown = await page.getByText('/reset?token=').textContent();
  expect(await axeFindings(page)).toEqual([]);
  await page.keyboard.press('Escape');
  await bob.page.goto(shown ?? '');
  await bob.page.getByLabel(you.newPassword).fill('picoseconds');
  await bob.page.keyboard.press('Enter');
  await bob.page.getByText(you.resetDone).waitFor();

  await page.getByRole('link', { name: site.mail, exact: true }).click();
  await page.getByText(site.noMail).waitFor();
  await bob.page.goto('/you');
  await bob.page.getByRole('button', { name: you.forgotten }).click();
  await bob.page.getByLabel(you.email).fill('bobby@example.org');
  await bob.page.keyboard.press('Enter');
  await bob.page.getByText(you.forgottenSent).waitFor();
  const mails = page.getByRole('list', { name: site.mailList }).getByRole('listitem');
  await expect
    .poll(
      async () => {
        await page.reload();
        await page.getByRole('list', { name: site.mailList }).waitFor();
        return mails.allTextContents();
      },
      { timeout: 10_000 },
    )
    .toEqual([expect.stringMatching(/bobby@example\.org.*sent/s)]);
  expect(await axeFindings(page)).toEqual([]);
  expect([root, bob].flatMap(faults)).toEqual([]);
});

test('what one likes goes with the account to another device', async () => {
  const ada = await sitDown(browser, server.url);
  await ada.page.goto('/you');
  await fillInAccount(ada.page, 'ada_l');
  await button(ada.page, you.signOut).waitFor();
  const pick = async (group: string, choice: string) => {
    await ada.page.getByRole('group', { name: group }).getByText(choice, { exact: true }).click();
  };
  await pick(you.text, '150 %');
  await pick(you.contrast, you.contrasts.more);
  await pick(you.motion, you.motions.less);
  await ada.page.getByLabel(you.language).selectOption('de');
  expect(await axeFindings(ada.page)).toEqual([]);

  const there = await sitDown(browser, server.url);
  await there.page.goto('/you');
  await fillInSignIn(there.page, 'ada_l');
  await button(there.page, you.signOut).waitFor();
  const root = there.page.locator('html');
  await expect.poll(() => root.getAttribute('data-contrast')).toBe('more');
  expect(await root.getAttribute('data-motion')).toBe('less');
  const pixels = await root.evaluate((html) => getComputedStyle(html).fontSize);
  expect(pixels).toBe('24px');
  expect(await there.page.getByLabel(you.language).inputValue()).toBe('de');
  expect([ada, there].flatMap(faults)).toEqual([]);
});
