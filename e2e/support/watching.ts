import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { expect } from 'vitest';
import { strings } from '../../packages/web/src/strings.ts';
import { type Person, sitDown } from './browser.ts';
import type { Server } from './server.mjs';

export { strings };

/** A player at one moment. */
export interface Moment {
  /** The machine's clock, ms; the same for every browser on it. */
  atMs: number;
  positionMs: number;
  paused: boolean;
  rate: number;
  /** Whether the element has something to show at its position. */
  shows: boolean;
}

/** What is wide enough for a machine that decodes two films and runs a server besides, ms. The
 * measuring of sync proper is in e2e/sync. */
export const TOGETHER_MS = 60;

/** Looks at somebody's player. */
export async function moment(page: Page): Promise<Moment> {
  return page.locator('media-controller video').evaluate((element) => {
    const video = element as HTMLVideoElement;
    return {
      atMs: performance.timeOrigin + performance.now(),
      positionMs: video.currentTime * 1_000,
      paused: video.paused,
      rate: video.playbackRate,
      shows: video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA,
    };
  });
}

/** How far two players are apart, ms, at one moment of the machine's clock. */
export async function apartMs(one: Person, other: Person): Promise<number> {
  const [a, b] = await Promise.all([moment(one.page), moment(other.page)]);
  const projected = a.paused ? a.positionMs : a.positionMs + a.rate * (b.atMs - a.atMs);
  return Math.abs(projected - b.positionMs);
}

/** Opens a room with the sample film, as a newcomer does: one click on the front door. */
export async function openSampleRoom(browser: Browser, server: Server): Promise<Person> {
  const person = await sitDown(browser, server.url);
  await person.page.goto('/');
  await person.page.getByRole('button', { name: strings.front.sample }).click();
  await person.page.waitForURL(/\/room\/.+/);
  await untilFilm(person);
  return person;
}

/** Comes into a room by its link. */
export async function comeIn(
  browser: Browser,
  server: Server,
  address: string,
  options: BrowserContextOptions = {},
): Promise<Person> {
  const person = await sitDown(browser, server.url, options);
  await person.page.goto(address);
  await untilFilm(person);
  return person;
}

/** Waits until there is a picture, and gives the click that browsers want before any sound. */
export async function untilFilm(person: Person): Promise<void> {
  const door = person.page.getByRole('button', { name: strings.stage.clickToStart });
  await expect
    .poll(async () => {
      if (await door.isVisible()) await door.click();
      return (await moment(person.page)).shows;
    })
    .toBe(true);
}

/** Waits until a person's player plays or stands, the door opened where a click is wanted. */
export async function untilPlaying(person: Person, playing: boolean): Promise<void> {
  const door = person.page.getByRole('button', { name: strings.stage.clickToStart });
  await expect
    .poll(async () => {
      if (await door.isVisible()) await door.click();
      return !(await moment(person.page)).paused;
    })
    .toBe(playing);
}

/** Waits until two players play, or stand, at the same moment. */
export async function untilTogether(one: Person, other: Person, playing: boolean): Promise<void> {
  await Promise.all([untilPlaying(one, playing), untilPlaying(other, playing)]);
  await expect.poll(() => apartMs(one, other)).toBeLessThan(TOGETHER_MS);
}

/** Presses one of the film's own buttons. */
export async function press(person: Person, name: string): Promise<void> {
  await person.page.getByRole('button', { name, exact: true }).first().click();
}

/** Says something in the chat. */
export async function say(person: Person, text: string): Promise<void> {
  const field = person.page.getByRole('textbox', { name: strings.chat.placeholder });
  await field.fill(text);
  await field.press('Enter');
}

/** Waits until somebody sees a message in the chat, once. */
export async function untilSeen(person: Person, text: string): Promise<void> {
  const chat = person.page.getByRole('log', { name: strings.chat.title });
  await expect.poll(() => chat.getByText(text, { exact: true }).count()).toBe(1);
}
