import type { Page } from 'playwright-core';
import { strings } from './watching.ts';

const { you } = strings;

/** The password of everybody who registers here. */
export const PASSWORD = 'nanoseconds';

/** Makes an account by the form that is shown. */
export async function fillInAccount(page: Page, name: string): Promise<void> {
  await page.getByRole('button', { name: you.switchToRegister }).click();
  await page.getByLabel(you.username).fill(name);
  await page.getByLabel(you.email).fill(`${name}@example.org`);
  await page.getByLabel(you.password, { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: you.register, exact: true }).click();
}

/** Makes an account on one's own page. */
export async function register(page: Page, name: string): Promise<void> {
  await page.goto('/you');
  await fillInAccount(page, name);
  await page.getByRole('button', { name: you.signOut, exact: true }).waitFor();
}

/** Signs in by the form that is shown, and does not wait for what comes of it. */
export async function fillInSignIn(page: Page, name: string, password = PASSWORD): Promise<void> {
  await page.getByLabel(you.identifier).fill(name);
  await page.getByLabel(you.password, { exact: true }).fill(password);
  await page.getByRole('button', { name: you.signIn, exact: true }).click();
}
