import { afterAll, beforeAll, expect, test } from 'vitest';
import { Refused, call } from './support/api.ts';
import {
  type Account,
  type Contact,
  Correspondence,
  INSTANT,
  type Message,
  cast,
} from './support/correspondence.ts';
import { PLACES, type Place, Sites } from './support/site.ts';
import { LIBRARIES, type Transports } from './support/talker.ts';

// Direct messages as the clients of earlier systems know them: every event and every route, with two
// libraries, by each transport, at one node and at three.

/** Where, and by what: a person who polls may come to any node with any request. */
const WAYS: readonly (readonly [Place, Transports])[] = [
  ['one node', ['websocket']],
  ['one node', ['polling']],
  ['one node', ['polling', 'websocket']],
  ['three nodes, a person at each', ['websocket']],
  ['three nodes, each request at another', ['polling']],
  ['three nodes, each request at another', ['polling', 'websocket']],
];

let sites: Sites;

beforeAll(async () => {
  sites = await Sites.start();
});

afterAll(async () => {
  await sites[Symbol.asyncDispose]();
});

const libraries = Object.keys(LIBRARIES) as (keyof typeof LIBRARIES)[];
const table = libraries.flatMap((library) =>
  WAYS.map(([place, transports], row) => ({ library, place, transports, row })),
);

test.concurrent.each(table)(
  'every event is said and heard: $library by $transports, $place',
  async ({ library, place, transports, row }) => {
    const name = `${library.slice(0, 2)}${String(row)}`;
    const knock = (url: string, token?: string) => LIBRARIES[library](url, transports, token);
    await using of = await Correspondence.begin(sites.at(place), name, knock);
    await of.theFirstMessagesWait();
    await of.everySocketIsTold();
    await of.whatIsReadIsTold();
    await of.whatIsWrongIsTold();
    await of.whoeverProvesItLaterMayWriteToo();
    await of.typingEndsByItselfAndTheLastSocketCounts();
  },
);

test.concurrent.each(PLACES)('every route is answered: %s', async (place) => {
  const at = sites.at(place);
  const [ada, bob, eve] = await cast(at, `rest${String(PLACES.indexOf(place))}`);
  const rest = (n: number, who: Account) => (method: string, path: string, body?: unknown) =>
    call(at.url(n), method, path, { token: who.token, body });
  const [asAda, asBob, asEve] = [rest(0, ada), rest(1, bob), rest(2, eve)];

  const nobody = call(at.url(0), 'GET', '/users/me');
  await expect(nobody).rejects.toMatchObject({ status: 401, body: { error: 'Missing Clerk ID' } });
  const me = { clerkId: ada.id, isParalyzed: false, status: 'offline', createdAt: INSTANT };
  expect(await asAda('GET', '/users/me')).toEqual(me);
  const set = asAda('POST', '/users', { isParalyzed: true });
  expect(await set).toEqual({ ...me, isParalyzed: true });
  await refused(asAda('POST', '/users', { isParalyzed: false }), 400, 'User already exists');
  const here = await call(at.url(1), 'GET', '/users/me', { token: ada.token });
  expect(here).toEqual({ ...me, isParalyzed: true });

  expect(await asBob('GET', `/users/search?q=${ada.name}`)).toEqual({
    users: [
      {
        clerkId: ada.id,
        username: ada.name,
        fullName: ada.name,
        profileImage: null,
        isParalyzed: false,
        status: 'offline',
        createdAt: INSTANT,
      },
    ],
  });
  expect(await asBob('GET', `/users/search?q=${bob.name}`)).toEqual({ users: [] });

  const added = (await asAda('POST', '/contacts', {
    contactClerkId: bob.id,
    nickname: 'Bobby',
  })) as { success: boolean; contact: Contact };
  expect(added).toEqual({
    success: true,
    contact: {
      id: expect.any(Number) as number,
      contactClerkId: bob.id,
      contactName: bob.name,
      nickname: 'Bobby',
      profileImage: null,
      lastMessagePreview: null,
      lastMessageAt: null,
      unreadCount: 0,
      status: 'offline',
      isParalyzed: false,
    },
  });
  const form = { contactClerkId: bob.id };
  await refused(asAda('POST', '/contacts', form), 400, 'User is already a contact');
  const unknown = { contactClerkId: 'nobody' };
  await refused(asAda('POST', '/contacts', unknown), 400, 'User not found');
  const contact = `/contacts/${String(added.contact.id)}`;
  const renamed = await asAda('PATCH', contact, { nickname: 'Bob' });
  expect(renamed).toMatchObject({ success: true, contact: { nickname: 'Bob' } });
  await refused(asEve('PATCH', contact, { nickname: 'x' }), 404);
  await refused(asEve('DELETE', contact), 404);

  const texts = ['one', 'two', 'three', 'four'];
  for (const [n, text] of texts.entries()) {
    const [from, to] = n % 2 === 0 ? [asAda, bob] : [asBob, ada];
    await from('POST', '/api/v1/direct/messages', { toClerkId: to.id, text });
  }
  const listed = (await asBob('GET', '/contacts')) as { contacts: Contact[] };
  expect(listed.contacts).toMatchObject([
    { contactClerkId: ada.id, lastMessagePreview: 'four', unreadCount: 2, isParalyzed: true },
  ]);
  const { conversations } = (await asBob('GET', '/conversations')) as {
    conversations: { id: number }[];
  };
  expect(conversations).toEqual([
    {
      id: expect.any(Number) as number,
      otherUserClerkId: ada.id,
      createdAt: INSTANT,
      lastMessageAt: INSTANT,
    },
  ]);
  const path = `/conversations/${String(conversations[0]?.id)}/messages`;
  const page = async (query: string, ask = asBob, of = path) =>
    (await ask('GET', of + query)) as { messages: Message[] };
  const said = ({ messages }: { messages: Message[] }) => messages.map(({ content }) => content);
  const whole = await page('');
  expect(whole).toMatchObject({
    conversationId: conversations[0]?.id,
    otherUser: { clerkId: ada.id },
  });
  expect(whole.messages[0]).toEqual({
    id: expect.any(Number) as number,
    fromClerkId: bob.id,
    toClerkId: ada.id,
    content: 'four',
    messageType: 'text',
    isRead: false,
    readAt: null,
    createdAt: INSTANT,
    isMine: true,
  });
  expect(said(whole)).toEqual(['four', 'three', 'two', 'one']);
  expect(said(await page('?limit=2'))).toEqual(['four', 'three']);
  expect(said(await page('?limit=2&offset=1'))).toEqual(['three', 'two']);
  expect(said(await page('?limit=0&offset=-3'))).toEqual(['four']);
  const before = String(whole.messages[1]?.id);
  expect(said(await page(`?limit=1&before=${before}`))).toEqual(['two']);
  for (const id of [bob.id, String(added.contact.id)]) {
    const seen = await page('', asAda, `/conversations/with/${id}/messages`);
    expect(seen.messages.map(({ id: number }) => number)).toEqual(
      whole.messages.map(({ id: number }) => number),
    );
  }
  const denied = 'Conversation not found or access denied';
  await refused(page('', asEve), 404, denied);
  await refused(page('', asEve, `/conversations/with/${ada.id}/messages`), 404, denied);
  expect(await asAda('DELETE', contact)).toMatchObject({ success: true });
  expect(await asAda('GET', '/contacts')).toEqual({ contacts: [] });
  expect(said(await page('', asAda))).toHaveLength(4);
});

/** Expects a refusal with this status and this sentence. */
async function refused(asked: Promise<unknown>, status: number, error?: string): Promise<void> {
  const refusal: unknown = await asked.then(
    () => 'it was not refused',
    (reason: unknown) => reason,
  );
  expect(refusal).toBeInstanceOf(Refused);
  expect(refusal).toMatchObject({ status, body: error === undefined ? {} : { error } });
}
