import { expect } from 'vitest';
import { call, newGuest } from './api.ts';
import type { Site } from './site.ts';
import type { Talker } from './talker.ts';

/** Somebody with an account. */
export interface Account {
  id: string;
  name: string;
  token: string;
}

/** What the sender of a message is told first. */
interface Sent {
  messageId: number;
  conversationId: number;
  timestamp: string;
}

/** What matters of a contact. */
export interface Contact {
  id: number;
  contactClerkId: string;
  nickname: string | null;
  lastMessagePreview: string | null;
  unreadCount: number;
  status: string;
}

/** What matters of a message of a conversation. */
export interface Message {
  id: number;
  content: string;
  isRead: boolean;
  readAt: string | null;
}

const MISSING = 'Missing required fields';
const NOT_YOU = 'That is not who you are signed in as';
/** An instant as all of them are written. */
export const INSTANT: unknown = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

/** Ada, Bob and Eve. */
export type Cast = readonly [Account, Account, Account];

/** Three people, each of whom goes to another node. */
export async function cast(site: Site, name: string): Promise<Cast> {
  const register = async (who: string, n: number): Promise<Account> => {
    const username = `${who}_${name}`;
    const body = { username, email: `${username}@example.org`, password: 'a password' };
    const made = await call(site.url(n), 'POST', '/api/v1/auth/register', { body });
    const { id, accessToken } = made as { id: string; accessToken: string };
    return { id, name: username, token: accessToken };
  };
  return [await register('ada', 0), await register('bob', 1), await register('eve', 2)];
}

/** Connects somebody, or nobody yet, to a node. */
export type Knock = (url: string, token?: string) => Promise<Talker>;

/** Ada at the first node writes to Bob at the second and the third. */
export class Correspondence {
  readonly #open: Talker[] = [];
  readonly #knock: Knock;
  readonly #sent: Sent[] = [];
  readonly site: Site;
  readonly ada: Account;
  readonly bob: Account;
  readonly eve: Account;
  /** Ada's sockets. */
  from!: [Talker, Talker];
  /** Bob's. */
  to!: [Talker, Talker];

  private constructor(site: Site, people: Cast, knock: Knock) {
    this.site = site;
    [this.ada, this.bob, this.eve] = people;
    this.#knock = knock;
  }

  /** Makes the three and connects Ada. `name` is what tells them from others of the site. */
  static async begin(site: Site, name: string, knock: Knock): Promise<Correspondence> {
    const play = new Correspondence(site, await cast(site, name), knock);
    play.from = await play.both(play.ada, 0, 1);
    return play;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#open.map((talker) => talker.close()));
  }

  async connect(n: number, token?: string): Promise<Talker> {
    const talker = await this.#knock(this.site.url(n), token);
    this.#open.push(talker);
    return talker;
  }

  async both(who: Account, one: number, other: number): Promise<[Talker, Talker]> {
    return Promise.all([this.connect(one, who.token), this.connect(other, who.token)]);
  }

  message(text: string, more: Record<string, unknown> = {}): Record<string, unknown> {
    return { fromClerkId: this.ada.id, toClerkId: this.bob.id, text, ...more };
  }

  async contact(who: Account, n: number): Promise<Contact | undefined> {
    const answer = await call(this.site.url(n), 'GET', '/contacts', { token: who.token });
    return (answer as { contacts: Contact[] }).contacts[0];
  }

  async messages(who: Account, other: Account, n: number): Promise<Message[]> {
    const path = `/conversations/with/${other.id}/messages`;
    const answer = await call(this.site.url(n), 'GET', path, { token: who.token });
    return (answer as { messages: Message[] }).messages;
  }

  /** While Bob is away, messages are kept, each once. */
  async theFirstMessagesWait(): Promise<void> {
    const { ada, bob } = this;
    const [from, elsewhere] = this.from;
    from.emit('register_user', { clerkId: ada.id });
    const registered = await from.inbox.next('registered');
    const socketId: unknown = expect.any(String);
    expect(registered).toEqual({ success: true, clerkId: ada.id, socketId });

    from.emit('send_message', this.message('are you there?', { clientMessageId: 'm1' }));
    const sent = await from.inbox.next<Sent>('message_sent');
    const [messageId, conversationId]: unknown[] = [expect.any(Number), expect.any(Number)];
    expect(sent).toEqual({ messageId, conversationId, timestamp: INSTANT });
    expect(await from.inbox.next('message_delivered')).toEqual({
      messageId: sent.messageId,
      status: 'saved',
      timestamp: INSTANT,
      note: expect.any(String) as string,
    });
    // Sent again, by another socket too, it is answered as at first.
    for (const talker of [from, elsewhere]) {
      const again = this.message('are you there?', { clientMessageId: 'm1' });
      expect(await talker.ask('send_message', again)).toEqual(sent);
      expect(await talker.inbox.next('message_sent')).toEqual(sent);
      const delivered = await talker.inbox.next('message_delivered');
      expect(delivered).toMatchObject({ messageId: sent.messageId });
    }
    const second = (await from.ask('send_message', this.message('hello?'))) as Sent;
    expect(await from.inbox.next('message_sent')).toEqual(second);
    expect(await from.inbox.next('message_delivered')).toMatchObject({ status: 'saved' });
    for (const told of ['are you there?', 'hello?']) {
      expect(await elsewhere.inbox.next('message_mirrored')).toMatchObject({ text: told });
    }
    this.#sent.push(sent, second);
    expect(await this.contact(bob, 1)).toMatchObject({
      contactClerkId: ada.id,
      lastMessagePreview: 'hello?',
      unreadCount: 2,
      status: 'online',
    });
    const waiting = await this.messages(bob, ada, 2);
    expect(waiting.map(({ content }) => content)).toEqual(['hello?', 'are you there?']);
  }

  /** Bob comes, which Ada is told, and has every message in each of his tabs. */
  async everySocketIsTold(): Promise<void> {
    const { ada, bob } = this;
    const [from, elsewhere] = this.from;
    this.to = await this.both(bob, 1, 2);
    for (const talker of this.to) {
      const registered = await talker.ask('register_user', { clerkId: bob.id });
      expect(registered).toMatchObject({ success: true, clerkId: bob.id });
    }
    for (const talker of this.from) {
      const status = await talker.inbox.next('user_status');
      expect(status).toEqual({ clerkId: bob.id, status: 'online' });
    }
    expect(await this.contact(ada, 0)).toMatchObject({ status: 'online', unreadCount: 0 });

    const text = "<b>hello</b>'); DROP TABLE messages; --";
    from.emit('send_message', this.message(text));
    const sent = await from.inbox.next<Sent>('message_sent');
    const delivered = { messageId: sent.messageId, status: 'delivered', timestamp: INSTANT };
    expect(await from.inbox.next('message_delivered')).toEqual(delivered);
    const received = {
      messageId: sent.messageId,
      from: ada.id,
      fromClerkId: ada.id,
      toClerkId: bob.id,
      text,
      content: text,
      timestamp: sent.timestamp,
      conversationId: sent.conversationId,
      messageType: 'text',
    };
    for (const talker of this.to) {
      expect(await talker.inbox.next('receive_message')).toEqual(received);
    }
    expect(await elsewhere.inbox.next('message_mirrored')).toEqual(received);
    this.#sent.push(sent);
  }

  /** Bob reads all of it at once; what is not his is passed over. */
  async whatIsReadIsTold(): Promise<void> {
    const { ada, bob, eve } = this;
    const [from] = this.from;
    const [reader] = this.to;
    const back = { fromClerkId: bob.id, toClerkId: ada.id, text: 'yes' };
    const own = (await reader.ask('send_message', back)) as Sent;
    const strangers = { fromClerkId: ada.id, toClerkId: eve.id, text: 'psst' };
    const others = (await from.ask('send_message', strangers)) as Sent;
    const messageIds = this.#sent.map((sent) => sent.messageId);
    const asked = [...messageIds, own.messageId, others.messageId, 2 ** 40];
    reader.emit('mark_as_read', { messageIds: asked });
    for (const talker of [...this.to, ...this.from]) {
      const read = await talker.inbox.next<{ messageIds: number[] }>('messages_read');
      read.messageIds.sort((a, b) => a - b);
      expect(read).toEqual({ messageIds, readAt: INSTANT });
    }
    expect(await this.contact(bob, 2)).toMatchObject({ unreadCount: 0 });
    expect(await this.contact(eve, 0)).toMatchObject({ unreadCount: 1 });
    const seen = await this.messages(ada, bob, 0);
    expect(seen.map(({ isRead }) => isRead)).toEqual([false, true, true, true]);
    expect(seen[1]?.readAt).toEqual(INSTANT);
  }

  /** Every event answers what is missing, wrong or somebody else's, and nobody hears of it. */
  async whatIsWrongIsTold(): Promise<void> {
    const { ada, bob } = this;
    const [from] = this.from;
    const told = this.to.map((talker) => talker.inbox.all.length);
    const guest = await newGuest(this.site.url(0), 'Gus');
    const pair = { fromClerkId: ada.id, toClerkId: bob.id };
    const wrong: [event: string, error: unknown, ...payload: unknown[]][] = [
      ['send_message', MISSING],
      ['send_message', MISSING, null],
      ['send_message', MISSING, 7],
      ['send_message', MISSING, 'text'],
      ['send_message', MISSING, ['text']],
      ['send_message', MISSING, {}],
      ['send_message', MISSING, pair],
      ['send_message', MISSING, { fromClerkId: ada.id, text: 'x' }],
      ['send_message', MISSING, { toClerkId: bob.id, text: 'x' }],
      ['send_message', MISSING, { ...pair, text: { x: 1 } }],
      ['send_message', MISSING, { ...pair, text: '' }],
      ['send_message', NOT_YOU, { fromClerkId: bob.id, toClerkId: ada.id, text: 'x' }],
      ['send_message', expect.any(String), { ...pair, text: 'x'.repeat(4_001) }],
      [
        'send_message',
        expect.any(String),
        { ...pair, text: 'x', clientMessageId: 'x'.repeat(129) },
      ],
      ['send_message', expect.any(String), { ...pair, toClerkId: 'nobody', text: 'x' }],
      ['send_message', expect.any(String), { ...pair, toClerkId: guest.id, text: 'x' }],
      ['mark_as_read', MISSING],
      ['mark_as_read', MISSING, {}],
      ['mark_as_read', MISSING, { messageIds: 'all' }],
      ['mark_as_read', MISSING, { messageIds: [1, '2'] }],
      ['mark_as_read', expect.any(String), { messageIds: Array.from({ length: 10_001 }).fill(1) }],
      ['typing_start', MISSING],
      ['typing_start', MISSING, { fromClerkId: ada.id }],
      ['typing_start', NOT_YOU, { fromClerkId: bob.id, toClerkId: ada.id }],
      ['typing_start', expect.any(String), { fromClerkId: ada.id, toClerkId: 'nobody' }],
      ['typing_stop', MISSING, []],
      ['typing_stop', NOT_YOU, { fromClerkId: bob.id, toClerkId: ada.id }],
      ['register_user', MISSING],
      ['register_user', MISSING, { clerkId: 7 }],
      ['register_user', expect.any(String), { clerkId: bob.id }],
    ];
    for (const [event, error, ...payload] of wrong) {
      from.emit(event, ...payload);
      const failed = await from.inbox.next('message_failed');
      expect(failed, `${event} ${JSON.stringify(payload)}`).toEqual({ error });
      const answer = await from.ask(event, ...payload);
      expect(answer).toEqual({ ...(failed as object), code: expect.any(String) as string });
      expect(await from.inbox.next('message_failed')).toEqual(failed);
    }
    expect(await from.ask('fly')).toMatchObject({ code: 'unknown_event' });
    expect(this.to.map((talker) => talker.inbox.all.length)).toEqual(told);
    expect(await this.messages(bob, ada, 1)).toHaveLength(this.#sent.length + 1);
  }

  /** A client without a token proves who it is by an event. */
  async whoeverProvesItLaterMayWriteToo(): Promise<void> {
    const { ada, bob } = this;
    const proofs: [string, Record<string, unknown>, Record<string, unknown>][] = [
      ['authenticate', { token: bob.token }, { authenticated: true }],
      ['register_user', { clerkId: bob.id, token: bob.token }, { success: true }],
    ];
    for (const [event, payload, answer] of proofs) {
      const talker = await this.connect(2);
      const form = { fromClerkId: bob.id, toClerkId: ada.id, text: event };
      expect(await talker.ask('send_message', form)).toMatchObject({ code: 'missing_token' });
      talker.emit('typing_start', form);
      const refusal = await talker.inbox.next('error');
      expect(refusal).toMatchObject({ event: 'typing_start', code: 'missing_token' });
      const forged = await talker.ask(event, { ...payload, token: 'forged' });
      expect(forged).toMatchObject({ code: 'invalid_token' });
      expect(await talker.ask(event, payload)).toMatchObject(answer);
      const sent = (await talker.ask('send_message', form)) as Sent;
      for (const receiver of this.from) {
        await receiver.inbox.until<Sent>(
          'receive_message',
          ({ messageId }) => messageId === sent.messageId,
        );
      }
      await talker.close();
    }
  }

  /** Typing is told once and ends by itself; whoever has another tab is still there. */
  async typingEndsByItselfAndTheLastSocketCounts(): Promise<void> {
    const { ada, bob } = this;
    const [from, elsewhere] = this.from;
    const [one, two] = this.to;
    const pair = { fromClerkId: bob.id, toClerkId: ada.id };
    const typing = (isTyping: boolean) => ({ userId: bob.id, fromClerkId: bob.id, isTyping });
    two.emit('typing_start', pair);
    two.emit('typing_start', pair);
    two.emit('typing_stop', pair);
    for (const talker of [from, elsewhere]) {
      expect(await talker.inbox.next('user_typing')).toEqual(typing(true));
      expect(await talker.inbox.next('user_typing')).toEqual(typing(false));
    }
    two.emit('typing_start', pair);
    expect(await from.inbox.next('user_typing')).toEqual(typing(true));
    await one.close();
    // His client says nothing more, and by then it would be known if he had gone.
    expect(await from.inbox.next('user_typing')).toEqual(typing(false));
    expect(from.inbox.unread('user_status')).toEqual([]);
    await two.close();
    const status = await from.inbox.next('user_status');
    expect(status).toEqual({ clerkId: bob.id, status: 'offline' });
    expect(await this.contact(ada, 2)).toMatchObject({ contactClerkId: bob.id, status: 'offline' });
  }
}
