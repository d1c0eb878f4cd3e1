import type { Socket } from 'socket.io-client';
import { backoffMs } from '../backoff.ts';
import { Disconnected, ParlorError } from '../errors.ts';
import type { OnlineStatus, SentDirect } from '../protocol.ts';

/** A message that is not answered within so long, ms, is as good as not sent: it is sent again. */
const ANSWERED_WITHIN_MS = 10_000;

/** A direct message as it arrives. */
export interface ReceivedDirect {
  messageId: number;
  fromClerkId: string;
  toClerkId: string;
  content: string;
  timestamp: string;
  conversationId: number;
  messageType: string;
}

/** What happens in one's direct messages, as it happens. */
export interface DirectEvents {
  /** Somebody wrote to one. */
  message: ReceivedDirect;
  /** One wrote: here, in another tab, on another device. */
  mirrored: ReceivedDirect;
  /** Messages were read: one's own by their receiver, or others' by oneself. */
  read: { messageIds: number[]; readAt: string };
  /** Somebody types, or stopped. */
  typing: { fromClerkId: string; isTyping: boolean };
  /** A contact came or went. */
  status: { clerkId: string; status: OnlineStatus };
  /** Whether events arrive: what happened while they did not has to be read anew. */
  connected: boolean;
  /** The login ended; the connection does not come back. */
  ended: undefined;
}

/** One of the events, by its name. */
export type DirectNews = {
  [Name in keyof DirectEvents]: { name: Name; value: DirectEvents[Name] };
}[keyof DirectEvents];

/** Where to connect, and as whom. */
export type DirectPlace = () => Promise<{ origin: string; token?: string }>;

/** A message to somebody. */
export interface DirectToSend {
  toClerkId: string;
  text: string;
  /** Its name: however often it is sent, it is stored once. */
  clientMessageId: string;
}

/** What the server answers to a message: it is on disk. */
export type DirectAnswer = Pick<SentDirect, 'messageId' | 'conversationId' | 'timestamp'>;

/** A Socket.IO connection of one person. It comes back by itself until it is closed. */
export class DirectConnection {
  readonly #me: string;
  readonly #place: DirectPlace;
  readonly #tell: (news: DirectNews) => void;
  #socket: Socket | undefined;
  #closed = false;

  constructor(me: string, place: DirectPlace, tell: (news: DirectNews) => void) {
    this.#me = me;
    this.#place = place;
    this.#tell = tell;
    void this.#open();
  }

  /** Whether there is a connection just now. */
  get connected(): boolean {
    return this.#socket?.connected ?? false;
  }

  /** Writes to somebody. Rejects with `Disconnected` if there is no connection or it broke first. */
  async send(message: DirectToSend): Promise<DirectAnswer> {
    if (!this.#socket?.connected) throw new Disconnected();
    const asked = this.#socket
      .timeout(ANSWERED_WITHIN_MS)
      .emitWithAck('send_message', { fromClerkId: this.#me, ...message });
    const answer = (await asked.catch(() => {
      throw new Disconnected();
    })) as DirectAnswer | { error: string; code: string };
    if ('error' in answer) throw new ParlorError(answer.error, answer.code);
    return answer;
  }

  /** Says that one types to somebody, or stopped. */
  typing(toClerkId: string, isTyping: boolean): void {
    const event = isTyping ? 'typing_start' : 'typing_stop';
    this.#socket?.volatile.emit(event, { fromClerkId: this.#me, toClerkId });
  }

  /** Disconnects for good. */
  close(): void {
    this.#closed = true;
    this.#socket?.disconnect();
  }

  /** Finds out where to connect, and does so: again and again, unless the server says no. */
  async #open(): Promise<void> {
    for (let failures = 1; !this.#closed; failures += 1) {
      try {
        return await this.#connect();
      } catch (error) {
        if (this.#closed) return;
        if (error instanceof ParlorError && error.status === 401) {
          return this.#told('ended', undefined);
        }
      }
      const pauseMs = backoffMs(failures, false, Math.random);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  /** Connects. The client library is loaded with the first connection. */
  async #connect(): Promise<void> {
    const [{ io }, { origin, token }] = await Promise.all([
      import('socket.io-client'),
      this.#place(),
    ]);
    if (this.#closed) return;
    const socket = io(origin, {
      transports: ['websocket'],
      withCredentials: true,
      forceNew: true,
      ...(token === undefined ? {} : { auth: this.#freshToken() }),
    });
    this.#socket = socket;
    socket.on('connect', () => this.#told('connected', true));
    socket.on('disconnect', (why) => {
      this.#told('connected', false);
      if (why === 'io server disconnect') this.#told('ended', undefined);
    });
    socket.on('connect_error', () => {
      // The library comes back by itself, unless it was the server that said no.
      if (!socket.active) this.#told('ended', undefined);
    });
    socket.on('receive_message', (message: ReceivedDirect) => this.#told('message', message));
    socket.on('message_mirrored', (message: ReceivedDirect) => this.#told('mirrored', message));
    socket.on('messages_read', (read: DirectEvents['read']) => this.#told('read', read));
    socket.on('user_typing', (typing: DirectEvents['typing']) => this.#told('typing', typing));
    socket.on('user_status', (status: DirectEvents['status']) => this.#told('status', status));
  }

  #told<Name extends keyof DirectEvents>(name: Name, value: DirectEvents[Name]): void {
    this.#tell({ name, value } as DirectNews);
  }

  /** Each connection proves itself anew: a ticket is good once. */
  #freshToken(): (send: (auth: { token?: string }) => void) => void {
    return (send) => {
      this.#place().then(
        ({ token }) => send(token === undefined ? {} : { token }),
        // The server refuses it, and the client tries again.
        () => send({}),
      );
    };
  }
}
