import {
  Disconnected,
  randomId,
  type Contact,
  type Conversation,
  type Correspondent,
  type DirectRequest,
  type DirectSocket,
  type ReceivedDirect,
} from '@parlor/sdk';
import { SvelteMap, SvelteSet } from 'svelte/reactivity';
import { parlor, session } from '../account/session.svelte';
import { navigation } from '../navigation.svelte';
import { strings } from '../strings';
import { reasonOf } from '../text/reason';
import { toasts } from '../ui/toasts.svelte';
import { notify } from './notify';
import { DirectOutbox, type Outgoing } from './outbox';
import { Thread } from './thread.svelte';

/** Typing ends by itself after this, ms, if nobody says so. */
const TYPING_ENDS_MS = 6_000;
/** Conversations in one list of the server's; if it is full, there may be more. */
const CONVERSATIONS = 1_000;
/** How often the lists are read at most until nothing changes them on their way. */
const REFRESHES = 3;
/** How often one says that one still types, ms. */
const TYPING_SAID_EVERY_MS = 3_000;

/** One's direct messages: whom one knows, what is unread, who is there and who types. */
class Inbox {
  /** Whose account it is; nobody's at first. */
  account = $state<string>();
  contacts = $state.raw<readonly Contact[]>([]);
  requests = $state.raw<readonly DirectRequest[]>([]);
  state = $state<'closed' | 'loading' | 'ready' | 'failed'>('closed');
  problem = $state('');
  connected = $state(false);
  outgoing = $state.raw<readonly Outgoing[]>([]);
  readonly typing = new SvelteSet<string>();
  readonly #threads = new SvelteMap<string, Thread>();
  /** How many messages are not read, and how many strangers wait. */
  unread = $derived(
    this.contacts.reduce((sum, contact) => sum + contact.unreadCount, 0) + this.requests.length,
  );

  #me = '';
  #outbox: DirectOutbox | undefined;
  #socket: DirectSocket | undefined;
  /** Aborted when all of this is somebody else's, or nobody's. */
  #stay = new AbortController();
  #typingEnds = new Map<string, ReturnType<typeof setTimeout>>();
  #saidTyping = { to: '', atMs: 0 };
  /** Counts what changed the lists while they may be on their way. */
  #changes = 0;
  /** Counts readings of the lists: the last one counts. */
  #reading = 0;

  /** Begins for an account; what was another's is forgotten. */
  async open(account: string): Promise<void> {
    if (this.account === account) return;
    this.close();
    this.account = account;
    const { signal } = this.#stay;
    this.state = 'loading';
    try {
      const me = (await parlor.directMe()).clerkId;
      if (signal.aborted) return;
      this.#me = me;
      const socket = parlor.directSocket(me);
      this.#socket = socket;
      this.#outbox = new DirectOutbox(me, {
        send: (message) => this.#send(socket, message),
        show: (waiting) => (this.outgoing = waiting),
        storage: localStorage,
        later: (run, ms) => setTimeout(run, ms),
      });
      await this.refresh();
      if (signal.aborted) return;
      this.#listen(socket);
      socket.open();
      void this.#outbox.flush();
    } catch (error) {
      if (!signal.aborted) this.#fail(reasonOf(error));
    }
  }

  /** Ends, and forgets everything: nobody is signed in here, or somebody else. */
  close(): void {
    this.#stay.abort();
    this.#stay = new AbortController();
    this.#socket?.close();
    this.#outbox?.stop();
    this.#socket = this.#outbox = undefined;
    this.account = undefined;
    this.#threads.clear();
    this.typing.clear();
    this.contacts = [];
    this.requests = [];
    this.outgoing = [];
    this.connected = false;
    this.state = 'closed';
  }

  /** Tries once more after it could not begin. */
  retry(): void {
    const account = this.account;
    this.close();
    if (account !== undefined) void this.open(account);
  }

  #fail(why: string): void {
    this.#socket?.close();
    this.#outbox?.stop();
    this.state = 'failed';
    this.problem = why;
  }

  /** Reads the lists anew; once more, if something changed them on their way. */
  async refresh(): Promise<void> {
    const { signal } = this.#stay;
    for (let tries = 0, before = -1; before !== this.#changes && tries < REFRESHES; tries += 1) {
      before = this.#changes;
      const reading = (this.#reading += 1);
      const [contacts, requests] = await Promise.all([parlor.contacts(), parlor.directRequests()]);
      if (signal.aborted || reading !== this.#reading) return;
      this.contacts = contacts;
      this.requests = requests;
      this.state = 'ready';
    }
  }

  /** Returns what was said with somebody, reading it if need be. */
  thread(who: string): Thread {
    const known = this.#threads.get(who);
    if (known) return known;
    const thread = new Thread(who, () => this.#isKnown(who));
    this.#threads.set(who, thread);
    void thread.load();
    return thread;
  }

  contactOf(who: string): Contact | undefined {
    return this.contacts.find((contact) => contact.contactClerkId === who);
  }

  requestOf(who: string): DirectRequest | undefined {
    return this.requests.find((request) => request.fromUser.clerkId === who);
  }

  /** Writes to somebody; it is sent as soon as it can be. Says whether it was taken. */
  say(to: string, text: string): boolean {
    if (!this.#outbox) return false;
    this.#outbox.add({ id: randomId(), to, text, writtenAt: new Date().toISOString() });
    this.stopTyping(to);
    return true;
  }

  again(message: Outgoing): void {
    this.#outbox?.again(message.id);
  }

  drop(message: Outgoing): void {
    this.#outbox?.drop(message.id);
  }

  /** Marks everything of a thread as read that is shown. */
  async markRead(thread: Thread): Promise<void> {
    const ids = thread.unread();
    if (ids.length === 0) return;
    toasts.retract('message');
    const { fresh } = thread.read(new Set(ids), new Date().toISOString());
    this.#count(thread.who, -fresh);
    await parlor.markRead(ids).catch(() => null);
  }

  /** Says that one types, not more often than needed. */
  sayTyping(to: string): void {
    const now = Date.now();
    if (this.#saidTyping.to === to && now - this.#saidTyping.atMs < TYPING_SAID_EVERY_MS) return;
    this.#saidTyping = { to, atMs: now };
    this.#socket?.typing(to, true);
  }

  stopTyping(to: string): void {
    if (this.#saidTyping.to !== to) return;
    this.#saidTyping = { to: '', atMs: 0 };
    this.#socket?.typing(to, false);
  }

  async answer(request: DirectRequest, accepts: boolean): Promise<void> {
    await parlor.answerRequest(request.id, accepts);
    await this.refresh();
  }

  async call(contact: Contact, nickname: string): Promise<void> {
    const changed = await parlor.nameContact(contact.id, nickname.trim() || null);
    this.#change(contact.contactClerkId, () => changed);
  }

  async block(who: string): Promise<void> {
    await parlor.block(who, true);
    this.#threads.delete(who);
    await this.refresh();
  }

  async unblock(who: string): Promise<void> {
    await parlor.block(who, false);
    await this.refresh();
  }

  async deleteConversation(thread: Thread): Promise<void> {
    if (thread.conversationId !== null) await parlor.deleteConversation(thread.conversationId);
    thread.clear();
    await this.refresh();
  }

  /** Sends by the connection of all tabs; where there is none just now, by itself. */
  async #send(socket: DirectSocket, { to, text, id }: Outgoing): Promise<void> {
    const { signal } = this.#stay;
    const asked = socket.send({ toClerkId: to, text, clientMessageId: id });
    const { messageId, timestamp } = await asked.catch((error: unknown) => {
      // Nothing of somebody's is sent as somebody else.
      if (!(error instanceof Disconnected) || signal.aborted) throw error;
      return parlor.sendDirect(to, text, id);
    });
    if (signal.aborted) return;
    const message = { messageId, fromClerkId: this.#me, toClerkId: to, content: text, timestamp };
    this.#wrote({ ...message, conversationId: 0, messageType: 'text' });
  }

  #listen(socket: DirectSocket): void {
    socket.on('connected', (connected) => {
      // What happened meanwhile was told to nobody here.
      if (connected && !this.connected) void this.#catchUp();
      this.connected = connected;
    });
    socket.on('ended', () => void this.#ended());
    socket.on('message', (message) => this.#received(message));
    socket.on('mirrored', (message) => {
      // What is on its way from here is shown in its place when its answer comes.
      const isOnItsWay = ({ to, text, refused }: Outgoing) =>
        to === message.toClerkId && text === message.content && refused === undefined;
      if (!this.outgoing.some(isOnItsWay)) this.#wrote(message);
    });
    socket.on('read', ({ messageIds, readAt }) => this.#read(new Set(messageIds), readAt));
    socket.on('typing', ({ fromClerkId, isTyping }) => this.#types(fromClerkId, isTyping));
    socket.on('status', ({ clerkId, status }) => {
      this.#change(clerkId, (contact) => ({ ...contact, status }));
    });
    const { signal } = this.#stay;
    addEventListener('online', () => void this.#outbox?.flush(), { signal });
  }

  /** The server let go of us: whoever we are now begins anew. */
  async #ended(): Promise<void> {
    const { signal } = this.#stay;
    await session.check().catch(() => null);
    if (!signal.aborted && session.me?.id === this.account) this.#fail(strings.messages.cutOff);
  }

  async #catchUp(): Promise<void> {
    if (this.#socket?.holds) void this.#outbox?.takeUp();
    else void this.#outbox?.flush();
    await Promise.all([
      this.refresh(),
      ...[...this.#threads.values()].map((it) => it.load()),
    ]).catch(() => null);
  }

  /** Whether anything may have been said with somebody; if not, the server has nothing to show. */
  async #isKnown(who: string): Promise<boolean> {
    if (this.contactOf(who)?.lastMessageAt != null || this.requestOf(who)) return true;
    const conversations = await parlor.conversations();
    const isWith = ({ otherUserClerkId }: Conversation) => otherUserClerkId === who;
    return conversations.length >= CONVERSATIONS || conversations.some(isWith);
  }

  #received(message: ReceivedDirect): void {
    const who = message.fromClerkId;
    this.#types(who, false);
    this.#threads.get(who)?.add([kept(message, false)]);
    const { page } = navigation;
    const isOpen = page.name === 'messages' && page.who === who && !document.hidden;
    const contact = this.contactOf(who);
    if (contact) {
      this.#move(who, message);
      // One that came with the list was counted with it.
      if ((contact.lastMessageAt ?? '') < message.timestamp) this.#count(who, 1);
      if (!isOpen) notify(who, nameOf(contact), message.content);
      return;
    }
    // Somebody who has not written before: what they are called is known with the list.
    const tell = () => {
      const known = this.contactOf(who);
      if (!isOpen) notify(who, known ? nameOf(known) : '', message.content);
    };
    this.refresh().then(tell, tell);
  }

  /** Takes a receipt: of one's own messages, or of others' that one read in another place. */
  #read(ids: ReadonlySet<number>, readAt: string): void {
    let known = 0;
    for (const thread of this.#threads.values()) {
      const read = thread.read(ids, readAt);
      known += read.known;
      if (read.fresh > 0) this.#count(thread.who, -read.fresh);
    }
    // Whose the others are is not known here; if some of what is counted may be among them, it is read.
    const mayCount = known < ids.size && this.contacts.some((contact) => contact.unreadCount > 0);
    if (mayCount) void this.refresh().catch(() => null);
  }

  #wrote(message: ReceivedDirect): void {
    const who = message.toClerkId;
    this.#threads.get(who)?.add([kept(message, true)]);
    if (this.contactOf(who)) this.#move(who, message);
    else void this.refresh().catch(() => null);
  }

  /** Brings a contact to the top. */
  #move(who: string, message: ReceivedDirect): void {
    this.#change(who, (contact) => ({
      ...contact,
      lastMessagePreview: message.content,
      lastMessageAt: message.timestamp,
    }));
    const isIt = (contact: Contact) => contact.contactClerkId === who;
    this.contacts = [...this.contacts.filter(isIt), ...this.contacts.filter((it) => !isIt(it))];
  }

  /** Counts messages of somebody that are not read: more of them, or fewer. */
  #count(who: string, by: number): void {
    this.#change(who, (contact) => ({
      ...contact,
      unreadCount: Math.max(0, contact.unreadCount + by),
    }));
  }

  #change(who: string, change: (contact: Contact) => Contact): void {
    this.#changes += 1;
    this.contacts = this.contacts.map((it) => (it.contactClerkId === who ? change(it) : it));
  }

  #types(who: string, isTyping: boolean): void {
    clearTimeout(this.#typingEnds.get(who));
    if (!isTyping) {
      this.typing.delete(who);
      return;
    }
    this.typing.add(who);
    const end = setTimeout(() => this.typing.delete(who), TYPING_ENDS_MS);
    this.#typingEnds.set(who, end);
  }
}

function kept(message: ReceivedDirect, isMine: boolean) {
  return {
    id: message.messageId,
    fromClerkId: message.fromClerkId,
    toClerkId: message.toClerkId,
    content: message.content,
    messageType: message.messageType,
    isRead: false,
    readAt: null,
    createdAt: message.timestamp,
    isMine,
  };
}

/** What a contact is called here. */
export function nameOf(contact: Contact | Correspondent): string {
  if ('fullName' in contact) return contact.fullName;
  return contact.nickname ?? contact.contactName;
}

/** One's direct messages. */
export const inbox = new Inbox();
