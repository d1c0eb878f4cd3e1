import { readFile } from 'node:fs/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fillInSignIn, PASSWORD, register } from './support/accounts.ts';
import { launchChromium, sitDown } from './support/browser.ts';
import { Server } from './support/server.mjs';
import { strings } from './support/watching.ts';

const { you } = strings;

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

async function newcomer(name: string): Promise<Page> {
  const { page } = await sitDown(browser, server.url);
  await register(page, name);
  return page;
}

async function signIn(name: string, password: string): Promise<Page> {
  const { page } = await sitDown(browser, server.url);
  await page.goto('/you');
  await fillInSignIn(page, name, password);
  return page;
}

test('one sees where one is signed in, and signs out there', async () => {
  const here = await newcomer('grace');
  const there = await signIn('grace', PASSWORD);
  await there.getByRole('button', { name: you.signOut, exact: true }).waitFor();
  await here.reload();
  const logins = here.getByRole('region', { name: you.logins }).getByRole('listitem');
  await expect.poll(() => logins.count()).toBe(2);
  await here.getByText(you.thisOne).waitFor();
  await here.getByRole('button', { name: /^Sign out there: Chrome/ }).click();
  await expect.poll(() => logins.count()).toBe(1);
  await there.reload();
  await there.getByText(you.nobody).waitFor();
});

test('another password, an export, and the end of an account', async () => {
  const page = await newcomer('ada_l');
  await page.getByLabel(you.currentPassword).fill('not this one');
  await page.getByLabel(you.newPassword).fill('picoseconds');
  await page.getByRole('button', { name: you.changePassword }).click();
  await page.getByRole('alert').waitFor();
  await page.getByLabel(you.currentPassword).fill(PASSWORD);
  await page.getByRole('button', { name: you.changePassword }).click();
  await page.getByText(you.passwordChanged).waitFor();

  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: you.export }).click();
  const file = await (await download).path();
  const kept = JSON.parse(await readFile(file, 'utf8')) as { account: { username: string } };
  expect(kept.account.username).toBe('ada_l');

  await page.getByRole('button', { name: you.leave }).click();
  await page.getByLabel(you.currentPassword).fill('picoseconds');
  await page.getByRole('button', { name: you.leaveYes }).click();
  await page.waitForURL(`${server.url}/`);
  const again = await signIn('ada_l', 'picoseconds');
  await again.getByRole('alert').waitFor();
});
