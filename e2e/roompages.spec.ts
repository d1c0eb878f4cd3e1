import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newGuest } from './support/api.ts';
import { launchChromium, sitDown } from './support/browser.ts';
import { Line } from './support/line.ts';
import { PLACES, Sites } from './support/site.ts';
import { EventStream, type Told } from './support/stream.ts';

// Room pages as clients know them that have nothing but `fetch` and `EventSource`: every route and
// every event, on one node and on three, where each of them goes to another.

/** Somebody, as their requests say it. */
type Who = Record<string, string>;

interface Said {
  id: string;
  sender: string;
  text: string;
  timestamp: number;
  roomId: string;
  mine?: boolean;
}

interface Member {
  userId: string;
}

let sites: Sites;
let browser: Browser;

beforeAll(async () => {
  sites = await Sites.start();
  browser = await launchChromium();
});

afterAll(async () => {
  await browser.close();
  await sites[Symbol.asyncDispose]();
});

describe.concurrent.each(PLACES)('%s', (place) => {
  const site = () => sites.at(place);
  const ask = async (
    n: number,
    method: string,
    path: string,
    who: Who = {},
    body?: unknown,
  ): Promise<Response> => {
    const url = site().url(n);
    const json = { 'content-type': 'application/json' };
    return fetch(url + path, {
      method,
      redirect: 'manual',
      headers: { ...who, origin: url, ...(body === undefined ? {} : json) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  };
  const answer = async (...words: Parameters<typeof ask>): Promise<unknown> => {
    const response = await ask(...words);
    expect(response.status, `${words[1]} ${words[2]}`).toBe(200);
    return response.json();
  };
  const guest = async (n: number, name: string): Promise<{ id: string; who: Who }> => {
    const { id, accessToken } = await newGuest(site().url(n), name);
    return { id, who: { authorization: `Bearer ${accessToken}` } };
  };
  const make = async (who: Who, form?: unknown): Promise<string> => {
    const made = (await answer(0, 'POST', '/api/room/create', who, form)) as { roomId: string };
    return made.roomId;
  };
  const open = async (n: number, query: string, who: Who): Promise<EventStream> => {
    const stream = await EventStream.open(site().url(n), query, who);
    if (stream instanceof Response) throw new Error(await stream.text());
    return stream;
  };

  test('a room is made, read, written to, watched and erased', async ({ expect: here }) => {
    const made = await ask(0, 'POST', '/api/room/create');
    const { roomId } = (await made.json()) as { roomId: string };
    expect(roomId).toMatch(/^[\w-]{22}$/);
    const creator = { cookie: cookieOf(made) };
    const room = `roomId=${roomId}`;
    const [bob, eve] = [await guest(1, 'Bob'), await guest(2, 'Eve')];
    const presence = (n: number) => answer(n, 'GET', `/api/v1/rooms/${roomId}/presence`, eve.who);

    // Loading the page gives an identity, and takes no seat.
    const page = await ask(1, 'GET', `/room/${roomId}`);
    expect([page.status, page.headers.get('content-type')]).toEqual([
      200,
      'text/html; charset=utf-8',
    ]);
    expect(cookieOf(page)).not.toBe(creator.cookie);
    const unknown = await ask(2, 'GET', '/room/there-is-none');
    expect([unknown.status, unknown.headers.get('location')]).toEqual([
      307,
      '/?error=room-not-found',
    ]);
    expect(await presence(0)).toEqual({ memberCount: 0 });

    const heard = await open(1, `channel=${roomId}`, bob.who);
    expect(await heard.inbox.next('connected')).toEqual({ type: 'connected', channel: roomId });
    await using line = await Line.to(site().port(2));
    await using watching = await Watching.open(line, roomId);
    await watching.until('connected');
    const joined = await heard.inbox.until<Told<{ userId: string; memberCount: number }>>(
      'presence.join',
      ({ data }) => data.userId !== bob.id,
    );
    expect(joined.data.memberCount).toBe(2);
    expect(await presence(1)).toEqual({ memberCount: 2 });

    // What is said resets the clock and reaches everybody, the sender too.
    const ttl = async () => {
      const { ttl: left } = (await answer(2, 'GET', `/api/room/ttl?${room}`, eve.who)) as {
        ttl: number;
      };
      return left;
    };
    await here.poll(ttl).toBeLessThan(598);
    const before = performance.now();
    const text = '<img src=x onerror=alert(1)> Robert"); DROP TABLE room; --';
    const form = { sender: 'Countess', text };
    const posted = await answer(0, 'POST', `/api/messages?${room}`, creator, form);
    expect(posted).toEqual({ success: true, messageId: '1' });
    const renewed = await ttl();
    const passedS = (performance.now() - before) / 1_000;
    expect(renewed).toBeGreaterThanOrEqual(Math.ceil(600 - passedS));
    const { data: said, ...envelope } = await heard.inbox.next<Told<Said>>('chat.message');
    expect(envelope).toEqual({
      id: expect.stringMatching(/^[0-9a-f]+-\d+$/) as string,
      event: 'chat.message',
      channel: roomId,
    });
    const timestamp: unknown = expect.any(Number);
    expect(said).toEqual({ id: '1', sender: 'Countess', text, timestamp, roomId });
    expect(heard.lastId).toBe(envelope.id);
    await watching.until(text);

    // A browser whose line is cut comes back by itself, to another node if it so happens.
    line.break();
    for (const [n, more] of ['two', 'three'].entries()) {
      await answer(n, 'POST', `/api/messages?${room}`, bob.who, { text: more });
      expect((await heard.inbox.next<Told<Said>>('chat.message')).data.text).toBe(more);
    }
    line.mend(site().port(0));
    await watching.until('three');
    expect(await watching.texts()).toEqual([text, 'two', 'three']);

    // So does a client that names what it saw, once by each of the two ways.
    for (const [query, header] of [
      [`&last_ack_${roomId}=${envelope.id}`, {}],
      ['', { 'last-event-id': envelope.id }],
      [`&last_ack_${roomId}=0-0`, { 'last-event-id': envelope.id }],
    ] as const) {
      const again = await open(2, `channel=${roomId}${query}`, { ...bob.who, ...header });
      for (const told of ['two', 'three']) {
        expect((await again.inbox.next<Told<Said>>('chat.message')).data.text).toBe(told);
      }
      expect(again.inbox.unread('gap')).toEqual([]);
      await again.close();
    }

    for (const n of [0, 1, 2]) {
      const { messages } = (await answer(n, 'GET', `/api/messages?${room}`, bob.who)) as {
        messages: Said[];
      };
      expect(messages.map((it) => [it.text, it.mine])).toEqual([
        [text, false],
        ['two', true],
        ['three', true],
      ]);
    }
    const { members } = (await answer(2, 'GET', `/api/v1/rooms/${roomId}/members`, bob.who)) as {
      members: Member[];
    };
    expect(members).toHaveLength(3);
    expect(members.map((member) => member.userId)).toContain(bob.id);

    // Only its creator erases it; everybody is told, and it is gone everywhere.
    expect((await ask(1, 'DELETE', `/api/room?${room}`, bob.who)).status).toBe(403);
    expect((await ask(1, 'DELETE', `/api/room?${room}`, creator)).status).toBe(200);
    const destroyed = await heard.inbox.next<Told>('chat.destroy');
    expect(destroyed).toMatchObject({ channel: roomId, data: { isDestroyed: true } });
    await heard.ended;
    await watching.until('destroyed');
    for (const n of [0, 1, 2]) {
      for (const [method, path] of [
        ['GET', `/api/messages?${room}`],
        ['GET', `/api/room/ttl?${room}`],
        ['DELETE', `/api/room?${room}`],
        ['GET', `/api/realtime?channel=${roomId}`],
      ] as const) {
        const gone = await ask(n, method, path, bob.who);
        expect([gone.status, await gone.json()]).toMatchObject([404, { code: 'room_not_found' }]);
      }
      const back = await ask(n, 'GET', `/room/${roomId}`, bob.who);
      expect([back.status, back.headers.get('location')]).toEqual([307, '/?error=room-not-found']);
    }
  });

  test('seats are taken by reading and writing, never more than there are', async () => {
    const ada = await guest(0, 'Ada');
    const roomId = await make(ada.who, { maxParticipants: 2 });
    const people = await Promise.all([0, 1, 2, 0, 1, 2].map((n) => guest(n, `Guest ${String(n)}`)));
    // All at once, each in its own way and at its own node.
    const outcomes = await Promise.all(
      people.map(async ({ who }, n) => {
        const [path, room] = ['/api/messages', `roomId=${roomId}`];
        if (n % 3 === 0) return outcome(await ask(n, 'GET', `${path}?${room}`, who));
        const form = { text: 'hello' };
        if (n % 3 === 1) return outcome(await ask(n, 'POST', `${path}?${room}`, who, form));
        const stream = await EventStream.open(site().url(n), `channel=${roomId}`, who);
        if (stream instanceof Response) return outcome(stream);
        await stream.close();
        return [200, undefined];
      }),
    );
    const within = outcomes.filter(([status]) => status === 200);
    expect(within).toHaveLength(2);
    const full = outcomes.filter(([status]) => status !== 200);
    expect(full).toEqual(full.map(() => [403, 'room_full']));
    const count = await answer(1, 'GET', `/api/v1/rooms/${roomId}/presence`, ada.who);
    expect(count).toEqual({ memberCount: 2 });
    const page = await ask(2, 'GET', `/room/${roomId}`);
    expect([page.status, page.headers.get('location')]).toEqual([307, '/?error=room-full']);
  });

  test('who comes and who goes is told, and who proves nothing gets nothing', async () => {
    const [ada, bob] = [await guest(0, 'Ada'), await guest(1, 'Bob')];
    const roomId = await make(ada.who);
    const stream = await open(0, `channel=${roomId}`, ada.who);
    await stream.inbox.next('connected');
    const other = await open(1, `channel=${roomId}`, bob.who);
    await other.inbox.next('connected');
    const fits = ({ data }: Told<Member>) => data.userId === bob.id;
    const joined = await stream.inbox.until<Told<Member>>('presence.join', fits);
    expect(joined.data).toEqual({ userId: bob.id, memberCount: 2 });
    await other.close();
    // His seat is kept for a while: a page that is loaded anew does not leave.
    const left = await stream.inbox.until<Told<Member>>('presence.leave', fits);
    expect(left.data).toEqual({ userId: bob.id, memberCount: 1 });
    await stream.close();
    for (const [method, path] of [
      ['GET', `/api/messages?roomId=${roomId}`],
      ['POST', `/api/messages?roomId=${roomId}`],
      ['GET', `/api/realtime?channel=${roomId}`],
      ['DELETE', `/api/room?roomId=${roomId}`],
    ] as const) {
      const body = method === 'POST' ? { text: 'x' } : undefined;
      const nobody = await ask(2, method, path, {}, body);
      const missing = { message: 'Missing authentication token' };
      expect([nobody.status, await nobody.json()]).toMatchObject([401, missing]);
      const forged = await ask(2, method, path, { authorization: 'Bearer forged' }, body);
      const invalid = { message: 'Invalid or expired token' };
      expect([forged.status, await forged.json()]).toMatchObject([401, invalid]);
    }
  });
});

/** Takes the guest's cookie that an answer sets, which no script may read. */
function cookieOf(answer: Response): string {
  const cookie = answer.headers.getSetCookie().find((it) => it.startsWith('x-auth-token='));
  expect(cookie).toMatch(/; HttpOnly/);
  expect(cookie).toMatch(/; SameSite=Lax/);
  return cookie?.split(';')[0] ?? '';
}

async function outcome(answer: Response): Promise<unknown[]> {
  const { code } = (await answer.json()) as { code?: string };
  return [answer.status, code];
}

/** Somebody at a browser whose page has an `EventSource` and nothing else of ours. */
class Watching {
  readonly #page: Page;

  private constructor(page: Page) {
    this.#page = page;
  }

  static async open(line: Line, roomId: string): Promise<Watching> {
    const { page } = await sitDown(browser, line.url);
    // The gate makes a guest; the page itself is not let run, for it would join as well.
    await page.route('**/*.js', (route) => route.abort());
    await page.goto(`/room/${roomId}`);
    await page.evaluate((channel) => {
      const heard: string[] = [];
      Object.assign(window, { heard });
      const stream = new EventSource(`/api/realtime?channel=${channel}`);
      stream.onmessage = ({ data }: MessageEvent<string>) => {
        const told = JSON.parse(data) as { type?: string; event?: string; data?: { text: string } };
        if (told.type === 'connected' || told.type === 'gap') heard.push(told.type);
        if (told.event === 'chat.message') heard.push(`said ${told.data?.text ?? ''}`);
        if (told.event === 'chat.destroy') heard.push('destroyed');
      };
    }, roomId);
    return new Watching(page);
  }

  /** Waits until something was heard: a word of the stream's own or a text. */
  async until(what: string): Promise<void> {
    await this.#page.waitForFunction((wanted) => {
      const { heard } = window as unknown as { heard: string[] };
      return heard.includes(wanted) || heard.includes(`said ${wanted}`);
    }, what);
  }

  /** Lists what was said, as often as it was heard; a gap is among it. */
  async texts(): Promise<string[]> {
    const heard = (await this.#heard()).filter((it) => it.startsWith('said ') || it === 'gap');
    return heard.map((it) => it.replace(/^said /, ''));
  }

  async #heard(): Promise<string[]> {
    return this.#page.evaluate(() => (window as unknown as { heard: string[] }).heard);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#page.context().close();
  }
}
