// Takes pictures of every page and state into docs/screenshots (the shown ones) and
// e2e/out/screenshots (all others), and fails if axe finds a barrier or a page reports a fault.
// Names of scenes as arguments take only those.
import { call, Guest } from './screenshots/guest.mjs';
import { SIZES, Studio } from './screenshots/studio.mjs';
import { Server } from './support/server.mjs';

const LONG = 'Donaudampfschifffahrtsgesellschaftskapitän Schüßler';
const SAMPLE = '/sample/parlor-sample.mp4';
const LAPTOP = SIZES.filter(([width]) => width === 1280);
const PHONE_AND_LAPTOP = SIZES.filter(([width]) => width === 360 || width === 1280);

const server = await Server.start({ args: ['--insecure-no-rate-limits'] });
const studio = await Studio.open();
const { url } = server;

const button = (page, name) => page.getByRole('button', { name, exact: true });
const stir = async (page) => {
  await page.mouse.move(200, 130);
  await page.mouse.move(205, 135);
};
const tab = async (page, name) => page.getByRole('tab', { name: new RegExp(name) }).click();

/** Goes to an address within the page, past what the server says to those who load it anew. */
async function wander(page, to) {
  await page.evaluate((address) => {
    history.pushState(null, '', address);
    dispatchEvent(new PopStateEvent('popstate'));
  }, to);
}

async function openMenu(page, item) {
  await stir(page);
  await button(page, 'More').click();
  if (item) await page.getByRole('menuitem', { name: item }).click();
}

async function frontDoor() {
  const page = await studio.newcomer(url);
  await page.goto('/');
  await page.getByRole('heading', { level: 1 }).waitFor();
  await studio.take(page, 'front');
  await page.goto('/?error=room-full');
  await page.getByRole('alert').waitFor();
  await studio.take(page, 'front-full', { sizes: PHONE_AND_LAPTOP });
  await page.getByLabel('Character 1 of 6').fill('ZZZZZZ');
  await page.getByText('No room has this code').waitFor();
  await studio.take(page, 'front-code-unknown', { sizes: LAPTOP });
  await page.getByRole('link', { name: 'You' }).click();
  await page.getByRole('heading', { name: 'You' }).waitFor();
  await studio.take(page, 'you');
  await page.getByRole('button', { name: /Create an account/ }).click();
  await studio.take(page, 'you-register', { sizes: PHONE_AND_LAPTOP });
  await page.getByLabel('User name').fill('grace');
  await page.getByLabel('E-mail').fill('grace@example.org');
  await page.getByLabel('Password').fill('nanoseconds');
  await button(page, 'Create an account').click();
  await button(page, 'Sign out').waitFor();
  await studio.take(page, 'you-signed-in', { sizes: PHONE_AND_LAPTOP });
  await wander(page, '/nowhere');
  await page.getByText('There is nothing at this address').waitFor();
  await studio.take(page, 'unknown', { sizes: LAPTOP });
  await page.context().close();
}

/** A host alone in a room without a film, then with one. */
async function alone() {
  const page = await studio.newcomer(url);
  await page.goto('/');
  await button(page, 'Open a room').click();
  await page.getByText('What are we watching?').waitFor();
  await studio.take(page, 'alone');
  await button(page, 'Play the sample film').click();
  await button(page, 'Pause').waitFor();
  await page.waitForTimeout(1_500);
  await studio.take(page, 'alone-film', { sizes: PHONE_AND_LAPTOP, settle: stir });
  const visitor = await matinee();
  await page.goto('/');
  await page.getByText('Your recent rooms').waitFor();
  await page.getByText('Saturday matinee').waitFor();
  await studio.take(page, 'front-recent', { sizes: PHONE_AND_LAPTOP });
  visitor.leave();
  await page.context().close();
}

/** A room that is listed for everybody, with somebody in it. */
async function matinee() {
  const host = await call(url, 'POST', '/api/v1/auth/guest', { body: { displayName: 'Ines' } });
  const { roomId } = await call(url, 'POST', '/api/v1/rooms', {
    token: host.accessToken,
    body: { name: 'Saturday matinee', isPublic: true, idleTtlSeconds: 600 },
  });
  return Guest.enter(url, roomId, 'Lars');
}

async function company(roomId) {
  const names = ['Ada Lovelace', 'Bob', LONG, 'Grace Hopper'];
  const guests = [];
  for (const name of names) guests.push(await Guest.enter(url, roomId, name));
  return guests;
}

async function talk([ada, bob, long]) {
  const say = (who, text) => who.command('CHAT_SEND', { text });
  await say(ada, 'Is everybody in? I made tea.');
  await say(bob, 'Two minutes, my train is late');
  await say(bob, 'ok, here');
  await say(long, 'Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz');
  await say(ada, 'From here on: https://example.org/notes?page=12');
  await say(bob, 'The dots light up exactly with the notes.');
}

function follow([ada, bob, long, grace]) {
  ada.follow(6);
  bob.follow(300);
  long.follow(8, { class: 'coarse' });
  grace.follow(-14_000);
}

/** Puts the sample on anew: it is short, and at its end the room goes on to the queue. */
async function begin(guest) {
  const sample = { mediaUrl: SAMPLE, currentTime: 4_000, isPlaying: true };
  await guest.command('UPDATE_PLAYBACK', sample);
}

async function room() {
  const page = await studio.newcomer(url);
  await page.goto('/');
  await button(page, 'Try the sample film').click();
  await page.waitForURL('**/room/**');
  const roomId = page.url().split('/').at(-1);
  await button(page, 'Play').click();
  await button(page, 'Pause').waitFor();
  const guests = await company(roomId);
  await talk(guests);
  follow(guests);
  for (const emoji of ['❤️', '😂']) guests[0].tell('REACT', { emoji });
  await page.waitForTimeout(6_000);
  const lively = async () => {
    follow(guests);
    await stir(page);
  };
  await studio.take(page, 'room', { settle: lively });
  await studio.take(page, 'room-flat', { sizes: [[740, 360]], themes: ['dark'], settle: lively });
  await tab(page, 'People');
  await studio.take(page, 'people', { settle: lively });
  await page.getByRole('button', { name: 'What to do with Bob' }).click();
  await studio.take(page, 'person-menu', { sizes: LAPTOP });
  await page.keyboard.press('Escape');
  await begin(guests[0]);
  await queue(page);
  await begin(guests[0]);
  await dialogs(page);
  await begin(guests[0]);
  await cinema(page, guests);
  await waiting(page, guests);
  await begin(guests[0]);
  await door(roomId);
  await trouble(page);
  await crowd(page, roomId);
  await endings(page, roomId);
  for (const guest of guests) guest.drop();
  await page.context().close();
}

/** Messages between two people: nobody yet, a list with everything in it, a thread, a request. */
async function messages() {
  const page = await studio.newcomer(url);
  await page.goto('/messages');
  await page.getByText('for those who have an account').waitFor();
  await studio.take(page, 'messages-guest', { sizes: LAPTOP });
  await page.goto('/you');
  await page.getByRole('button', { name: /Create an account/ }).click();
  await page.getByLabel('User name').fill('margaret');
  await page.getByLabel('E-mail').fill('margaret@example.org');
  await page.getByLabel('Password').fill('nanoseconds');
  await button(page, 'Create an account').click();
  await button(page, 'Sign out').waitFor();
  await page.goto('/messages');
  await page.getByText('Find somebody by name').waitFor();
  await studio.take(page, 'messages-empty', { sizes: PHONE_AND_LAPTOP });
  const me = await page.evaluate(() => fetch('/users/me').then((answer) => answer.json()));
  const people = {};
  for (const [username, displayName] of [
    ['annie', 'Annie Easley'],
    ['joan_c', 'Joan Clarke'],
    ['kapitaen', LONG],
    ['betty_h', 'Betty Holberton'],
  ]) {
    const email = `${username}@example.org`;
    const body = { username, displayName, email, password: 'nanoseconds' };
    people[username] = await call(url, 'POST', '/api/v1/auth/register', { body });
  }
  const write = (who, to, text) =>
    call(url, 'POST', '/api/v1/direct/messages', {
      token: people[who].accessToken,
      body: { toClerkId: to, text },
    });
  const reply = (to, text) =>
    page.evaluate(
      ([toClerkId, words]) =>
        fetch('/api/v1/direct/messages', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ toClerkId, text: words }),
        }),
      [to, text],
    );
  await write(
    'kapitaen',
    me.clerkId,
    'Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz',
  );
  await write('joan_c', me.clerkId, 'The second half is better, you will see');
  await write('annie', me.clerkId, 'Good evening! Are you coming tonight?');
  await reply(people.annie.id, 'Of course. Half past eight?');
  await reply(people.annie.id, 'I bring the tea: https://example.org/tea');
  await write('annie', me.clerkId, 'Half past eight. The film is two hours, so be on time.');
  await page.evaluate(() =>
    fetch('/api/v1/direct/settings', {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ strangersAsk: true }),
    }),
  );
  await write('betty_h', me.clerkId, 'We met at the archive. May I ask you something?');
  await page.goto('/messages');
  await page.getByRole('link', { name: /Annie/ }).waitFor();
  await studio.take(page, 'messages', { sizes: PHONE_AND_LAPTOP });
  await page.getByRole('link', { name: /Annie/ }).click();
  await page.getByText('be on time').last().waitFor();
  await studio.take(page, 'messages-thread');
  await page.goto('/messages');
  await page.getByRole('link', { name: 'Betty Holberton' }).click();
  await page.getByText('May I ask you something?').last().waitFor();
  await studio.take(page, 'messages-request', { sizes: PHONE_AND_LAPTOP });
  await page.goto('/messages');
  await button(page, 'Who may write to you').click();
  await page.getByRole('checkbox').first().waitFor();
  await studio.take(page, 'messages-reach', { sizes: PHONE_AND_LAPTOP });
  await page.context().close();
}

/** A chat with everything that can be in one. */
async function conversation() {
  const page = await studio.newcomer(url);
  await page.goto('/');
  await button(page, 'Try the sample film').click();
  await page.waitForURL('**/room/**');
  const roomId = page.url().split('/').at(-1);
  await button(page, 'Play').waitFor();
  const guests = await company(roomId);
  const [ada, bob, long] = guests;
  const me = await page.evaluate(() => fetch('/api/v1/users/me').then((answer) => answer.json()));
  const say = (who, text, more = {}) => who.command('CHAT_SEND', { text, ...more });
  await say(ada, 'Is everybody in? I made tea.');
  await say(bob, 'Two minutes', { replyTo: '1' });
  await say(ada, 'Wrong room, sorry');
  await ada.command('CHAT_DELETE', { id: '3' });
  await say(long, 'Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz');
  await say(bob, 'The lamp at 0:04, again at 0:12. Not 21:04, it is too short for that');
  await bob.command('CHAT_EDIT', {
    id: '5',
    text: 'The lamp comes on at 0:04 and again at 0:12. Not at 21:04, it is too short.',
  });
  await say(long, 'Which lamp do you mean?', { replyTo: '4' });
  const field = page.getByRole('textbox', { name: 'Say something' });
  await field.fill('The one that flickers');
  await field.press('Enter');
  await page.getByText('The one that flickers').waitFor();
  await page.evaluate(() => window.dispatchEvent(new Event('blur')));
  const mentions = [me.id];
  await say(ada, `@${me.displayName} it does, and how`, { mentions, replyTo: '7' });
  await say(bob, 'I see it now');
  await page.getByText('I see it now').waitFor();
  await studio.take(page, 'conversation', { sizes: PHONE_AND_LAPTOP, settle: stir });
  await page.evaluate(() => window.dispatchEvent(new Event('focus')));
  await page.locator('[data-message="8"]').focus();
  await studio.take(page, 'conversation-tools', { sizes: PHONE_AND_LAPTOP });
  await page.keyboard.press('r');
  await field.pressSequentially('Look, @');
  await page.getByRole('listbox').waitFor();
  await studio.take(page, 'conversation-reply', { sizes: PHONE_AND_LAPTOP });
  for (let times = 0; times < 2; times += 1) await field.press('Escape');
  await field.fill('');
  await field.press('ArrowUp');
  await page.getByText('Editing your message').waitFor();
  await studio.take(page, 'conversation-edit', { sizes: PHONE_AND_LAPTOP });
  await field.press('Escape');
  for (const guest of guests) guest.drop();
  await page.context().close();
}

async function queue(page) {
  await tab(page, 'Queue');
  await studio.take(page, 'queue-empty', { sizes: LAPTOP, themes: ['dark'], settle: stir });
  const field = page.getByLabel('Add a link to the queue');
  for (const address of [
    'https://example.org/films/the_general_1926.mp4',
    'https://example.org/films/a_trip_to_the_moon.webm',
    'https://example.org/Rindfleischetikettierungsueberwachungsaufgaben.mp4',
  ]) {
    await field.fill(address);
    await field.press('Enter');
  }
  await page.getByRole('button', { name: /^Remove Rindfleisch/ }).waitFor();
  await studio.take(page, 'queue', { settle: stir });
  await page.getByRole('button', { name: 'Remove A trip to the moon' }).click();
  await button(page, 'Undo').waitFor();
  await studio.take(page, 'queue-undo', { sizes: LAPTOP, themes: ['dark'], settle: stir });
  await tab(page, 'Chat');
}

async function dialogs(page) {
  await stir(page);
  await button(page, 'Invite').click();
  await studio.take(page, 'invite', { sizes: PHONE_AND_LAPTOP });
  await page.keyboard.press('Escape');
  await openMenu(page);
  await studio.take(page, 'menu', { sizes: LAPTOP });
  await page.keyboard.press('Escape');
  for (const [name, item] of [
    ['settings', 'Room settings'],
    ['keys', 'Keyboard shortcuts'],
    ['offset', 'Sound and picture offset'],
    ['rename', 'Change your name'],
  ]) {
    await openMenu(page, item);
    await page.getByRole('dialog').waitFor();
    await studio.take(page, name, { sizes: PHONE_AND_LAPTOP });
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  }
  await stir(page);
  await button(page, 'React').click();
  await button(page, 'React with 👏').click();
  await studio.take(page, 'react', { sizes: LAPTOP, themes: ['dark'] });
  await page.keyboard.press('Escape');
}

async function cinema(page, [ada]) {
  await page.mouse.click(400, 40);
  await page.keyboard.press('h');
  await page.waitForTimeout(3_600);
  await ada.command('CHAT_SEND', { text: 'Look at the lamp!' });
  await studio.take(page, 'cinema', { sizes: LAPTOP, themes: ['dark'] });
  await page.keyboard.press('h');
}

async function waiting(page, [, bob]) {
  bob.tell('MEMBER_STATE', { readiness: 'stalled' });
  await page.getByText('Waiting for Bob').waitFor();
  await studio.take(page, 'waiting', {
    sizes: LAPTOP,
    themes: ['dark'],
    settle: stir,
  });
  bob.tell('MEMBER_STATE', { readiness: 'ready' });
  await page.getByText('Waiting for Bob').waitFor({ state: 'detached' });
}

/** Somebody whose browser wants a click first. */
async function door(roomId) {
  const page = await studio.newcomer(url);
  await page.goto(`/room/${roomId}`);
  // Asked nothing, the page tries to play by itself and is refused.
  await page.waitForTimeout(6_000);
  await studio.peek(page, 'door', PHONE_AND_LAPTOP);
  await button(page, /Click to start/).waitFor();
  await page.context().close();
}

async function trouble(page) {
  const put = async (address) => {
    await openMenu(page, 'Choose something else');
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Link to a film or a song').fill(address);
    await dialog.getByRole('button', { name: 'Put it on' }).click();
  };
  await put(`${url}/health/live`);
  await page.getByText('This cannot be played here').waitFor();
  await studio.take(page, 'bad', { sizes: PHONE_AND_LAPTOP, settle: stir });
  await put(`${url}/sample/parlor-sample.m4a`);
  await page.waitForTimeout(1_500);
  await studio.take(page, 'audio', { settle: stir });
  await server.kill();
  await page.getByText('The connection is gone').waitFor();
  await studio.take(page, 'reconnecting', { sizes: PHONE_AND_LAPTOP, settle: stir });
  await server.restart();
  await page.getByText('The connection is gone').waitFor({ state: 'detached' });
}

async function crowd(page, roomId) {
  const names = ['Ines', 'Jo', 'Kim', 'Lars', 'Mina Kowalska', 'Noor', 'Oskar'];
  const guests = [];
  for (let n = 0; n < 60; n++) {
    guests.push(await Guest.enter(url, roomId, `${names[n % names.length]} ${n + 1}`));
  }
  await tab(page, 'People');
  await studio.take(page, 'people-60', { sizes: PHONE_AND_LAPTOP, settle: stir });
  for (const guest of guests) guest.leave();
}

async function endings(page, roomId) {
  const removed = await studio.newcomer(url);
  await removed.goto(`/room/${roomId}`);
  await removed.getByRole('tab', { name: /People/ }).click();
  const own = removed.getByRole('listitem').filter({ hasText: '(you)' });
  const name = (await own.locator('p').first().innerText()).replace(/\s*\(you\)/, '').trim();
  await page.getByRole('button', { name: `What to do with ${name}` }).click();
  await page.getByRole('menuitem', { name: 'Remove and keep out' }).click();
  await removed.getByText('You were removed').waitFor();
  await studio.take(removed, 'removed', { sizes: PHONE_AND_LAPTOP });
  await removed.context().close();
  await openMenu(page, 'Room settings');
  await button(page, 'End the room for everyone').click();
  await studio.take(page, 'end-sure', { sizes: LAPTOP, themes: ['dark'] });
  await button(page, 'End it').click();
  await page.getByText('This room has ended').waitFor();
  await studio.take(page, 'ended', { sizes: PHONE_AND_LAPTOP });
}

async function full() {
  const host = await call(url, 'POST', '/api/v1/auth/guest', { body: { displayName: 'Ada' } });
  const { roomId } = await call(url, 'POST', '/api/v1/rooms', {
    token: host.accessToken,
    body: { name: 'Two seats', maxParticipants: 2, mediaUrl: SAMPLE, idleTtlSeconds: 600 },
  });
  const page = await studio.newcomer(url);
  await page.goto(`/room/${roomId}`);
  await page.getByRole('tab', { name: /People/ }).waitFor();
  const other = await Guest.enter(url, roomId, 'Bob');
  const late = await studio.newcomer(url);
  await late.goto('/');
  await wander(late, `/room/${roomId}`);
  await late.getByText('This room is full').waitFor();
  await studio.take(late, 'full', { sizes: PHONE_AND_LAPTOP });
  other.leave();
  await late.context().close();
  await page.context().close();
}

/** The door of a room, from both sides. */
async function threshold() {
  const page = await studio.newcomer(url);
  await page.goto('/');
  await button(page, 'Try the sample film').click();
  await page.waitForURL('**/room/**');
  const roomId = page.url().split('/').at(-1);
  const arrange = async (entry, password) => {
    await openMenu(page, 'Room settings');
    await page.getByLabel('Who may come in').selectOption(entry);
    if (password) await page.getByLabel('Password').fill(password);
    await button(page, 'Save').click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  };
  const outside = await studio.newcomer(url);
  const arrive = async (title) => {
    await outside.goto(`/room/${roomId}`);
    await outside.getByRole('heading', { name: title }).waitFor();
  };
  await arrange('accounts');
  await arrive(/account/);
  await studio.take(outside, 'door-account', { sizes: PHONE_AND_LAPTOP });
  await arrange('invited');
  await arrive(/invited/);
  await studio.take(outside, 'door-invited', { sizes: LAPTOP });
  await arrange('knock');
  await arrive(/Knock/);
  await studio.take(outside, 'door-knock', { sizes: PHONE_AND_LAPTOP });
  await outside.getByLabel('A word to the host').fill('It is me, from the film club');
  await button(outside, 'Knock').click();
  await outside.getByText('You are in the waiting room').waitFor();
  await studio.take(outside, 'waiting-room', { sizes: PHONE_AND_LAPTOP });
  for (const displayName of [LONG, 'Bob']) {
    const { accessToken } = await call(url, 'POST', '/api/v1/auth/guest', {
      body: { displayName },
    });
    await call(url, 'POST', `/api/v1/rooms/${roomId}/entry`, { token: accessToken, body: {} });
  }
  await tab(page, 'People');
  await page.getByText('It is me, from the film club').waitFor();
  await studio.take(page, 'callers', { sizes: PHONE_AND_LAPTOP, settle: stir });
  await page
    .getByRole('button', { name: /^Not now, / })
    .first()
    .click();
  await outside.getByText('You were not let in').waitFor();
  await studio.take(outside, 'turned-away', { sizes: LAPTOP });
  await arrange('open', 'open sesame');
  await arrive(/password/);
  await studio.take(outside, 'door-password', { sizes: PHONE_AND_LAPTOP });
  await openMenu(page, 'Room settings');
  await studio.take(page, 'settings-door', { sizes: PHONE_AND_LAPTOP });
  await page.getByText('Who may do what').click();
  const last = (shown) => shown.getByRole('rowheader', { name: 'Give roles' });
  await studio.take(page, 'settings-roles', {
    sizes: PHONE_AND_LAPTOP,
    settle: (shown) => last(shown).scrollIntoViewIfNeeded(),
  });
  await outside.context().close();
  await page.context().close();
}

/** The newest link to a page that was mailed; without a mail server it is on the console. */
async function mailed(to) {
  for (let tries = 0; tries < 40; tries++) {
    const links = [...server.output.matchAll(/(\/[a-z]+\?token=[\w-]+)/g)].map(([link]) => link);
    const link = links.findLast((it) => it.startsWith(`/${to}?`));
    if (link) return link;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Error(`no mail leads to /${to}`);
}

/** What is done by links in mails. */
async function letters() {
  const page = await studio.newcomer(url);
  await page.goto('/you');
  await page.getByRole('button', { name: /Create an account/ }).click();
  await page.getByLabel('User name').fill('barbara');
  await page.getByLabel('E-mail').fill('barbara@example.org');
  await page.getByLabel('Password').fill('nanoseconds');
  await button(page, 'Create an account').click();
  await button(page, 'Sign out').waitFor();
  await page.goto('/');
  await button(page, 'Try the sample film').click();
  await page.waitForURL('**/room/**');
  await openMenu(page, 'Room settings');
  await page.getByLabel('Who may come in').selectOption('invited');
  await button(page, 'Save').click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await stir(page);
  await button(page, 'Invite').click();
  for (const to of ['grace@example.org', 'rear.admiral.grace.brewster.murray.hopper@example.org']) {
    await page.getByLabel('E-mail address').fill(to);
    await page.getByLabel('A few words').fill('Friday at eight. Bring crisps.');
    await button(page, 'Send the invitation').click();
    await page.getByText(`An invitation to ${to} is on its way.`).waitFor();
  }
  const down = (shown) => shown.getByRole('heading', { name: 'Invited, not here yet' });
  await down(page).scrollIntoViewIfNeeded();
  await studio.take(page, 'invite-mail', {
    sizes: PHONE_AND_LAPTOP,
    settle: (shown) => down(shown).scrollIntoViewIfNeeded(),
  });
  const guest = await studio.newcomer(url);
  await guest.goto(await mailed('invitation'));
  await guest.getByText('Friday at eight').waitFor();
  await studio.take(guest, 'invitation', { sizes: PHONE_AND_LAPTOP });
  await guest.goto('/invitation?token=gone');
  await guest.getByRole('alert').waitFor();
  await studio.take(guest, 'invitation-gone', { sizes: LAPTOP });
  await guest.goto('/you');
  await guest.getByRole('button', { name: /Forgot/ }).click();
  await guest.getByLabel('E-mail').fill('barbara@example.org');
  await studio.take(guest, 'forgotten', { sizes: PHONE_AND_LAPTOP });
  await guest.keyboard.press('Enter');
  await guest.getByText('If an account has this').waitFor();
  await studio.take(guest, 'forgotten-sent', { sizes: LAPTOP });
  await guest.goto(await mailed('reset'));
  await guest.getByLabel('New password').fill('picoseconds');
  await studio.take(guest, 'reset', { sizes: PHONE_AND_LAPTOP });
  await guest.context().close();
  await page.context().close();
}

/** Running the site. */
async function site() {
  const page = await studio.newcomer(url);
  await page.goto(/\/first\?token=[\w-]+/.exec(server.output)?.[0] ?? '');
  await page.getByText('You need an account for that.').waitFor();
  await studio.take(page, 'first', { sizes: PHONE_AND_LAPTOP });
  await page.getByRole('button', { name: /Create an account/ }).click();
  await page.getByLabel('User name').fill('katherine');
  await page.getByLabel('E-mail').fill('katherine@example.org');
  await page.getByLabel('Password').fill('nanoseconds');
  await button(page, 'Create an account').click();
  await button(page, 'Run it as katherine').waitFor();
  await studio.take(page, 'first-account', { sizes: LAPTOP });
  await button(page, 'Run it as katherine').click();
  for (const [username, displayName] of [
    ['dorothy', 'Dorothy Vaughan'],
    ['donaudampf', LONG],
    ['mary_j', 'Mary Jackson'],
  ]) {
    const body = {
      username,
      displayName,
      email: `${username}@example.org`,
      password: 'nanoseconds',
    };
    await call(url, 'POST', '/api/v1/auth/register', { body });
  }
  for (const email of ['dorothy@example.org', 'mary_j@example.org']) {
    await call(url, 'POST', '/api/v1/auth/password/forgot', { body: { email } });
  }
  await page.getByRole('link', { name: 'To the people of this site' }).click();
  await button(page, 'What to do about Mary Jackson').click();
  await page.getByRole('menuitem', { name: 'Keep them out' }).click();
  await page.getByText('Kept out', { exact: true }).waitFor();
  await studio.take(page, 'site-people', { sizes: PHONE_AND_LAPTOP });
  await button(page, 'What to do about Dorothy Vaughan').click();
  await page.getByRole('menuitem', { name: 'Link for another password' }).waitFor();
  await studio.take(page, 'site-menu', { sizes: LAPTOP });
  await page.getByRole('menuitem', { name: 'Link for another password' }).click();
  await page.getByText('/reset?token=').waitFor();
  await studio.take(page, 'site-link', { sizes: PHONE_AND_LAPTOP });
  await page.keyboard.press('Escape');
  await page.getByRole('link', { name: 'Mail', exact: true }).click();
  await page.getByText('dorothy@example.org').waitFor();
  await studio.take(page, 'site-mail', { sizes: PHONE_AND_LAPTOP });
  await page.goto('/you');
  await page.getByText('Size of text').waitFor();
  await studio.take(page, 'you-all', {
    sizes: PHONE_AND_LAPTOP,
    settle: (shown) => shown.getByText('Language of dates').scrollIntoViewIfNeeded(),
  });
  await page.getByText('200 %').click();
  await page.getByRole('group', { name: 'Contrast' }).getByText('More').click();
  await studio.take(page, 'you-large', { sizes: PHONE_AND_LAPTOP });
  await page.context().close();
}

try {
  const wanted = process.argv.slice(2);
  const scenes = [frontDoor, letters, site, messages, alone, full, threshold, conversation, room];
  for (const scene of scenes.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
    console.log(`· ${scene.name}`);
    await scene();
  }
} finally {
  await studio.close();
  await server[Symbol.asyncDispose]();
}
for (const { file, id, help, where } of studio.violations) {
  console.error(`${file}: ${id}, ${help}\n    ${where.join('\n    ')}`);
}
for (const fault of studio.faults) console.error(fault);
process.exitCode = studio.violations.length + studio.faults.length > 0 ? 1 : 0;
console.log(process.exitCode === 0 ? 'Every page is clean.' : 'Something is to be put right.');
