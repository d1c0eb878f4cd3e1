import type { Socket } from 'socket.io-client';
import { Emitter } from './emitter.ts';
import type { OnlineStatus } from './protocol.ts';

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
  /** One wrote somewhere else: in another tab, on another device. */
  mirrored: ReceivedDirect;
  /** Messages were read: one's own by their receiver, or others' by oneself elsewhere. */
  read: { messageIds: number[]; readAt: string };
  /** Somebody types, or stopped. */
  typing: { fromClerkId: string; isTyping: boolean };
  /** A contact came or went. */
  status: { clerkId: string; status: OnlineStatus };
  /** Whether events arrive: what happened while they did not has to be read anew. */
  connected: boolean;
}

/** Where to connect, and as whom. */
export interface DirectSocketOptions {
  /** The server's origin. */
  url: () => Promise<{ origin: string; token?: string }>;
}

/** The connection over which one's direct messages arrive. It comes back by itself. */
export class DirectSocket extends Emitter<DirectEvents> {
  readonly #options: DirectSocketOptions;
  #socket: Socket | undefined;
  #closed = false;

  constructor(options: DirectSocketOptions) {
    super();
    this.#options = options;
  }

  /** Connects. The client library is loaded with the first connection. */
  async open(): Promise<void> {
    if (this.#socket || this.#closed) return;
    const [{ io }, { origin, token }] = await Promise.all([
      import('socket.io-client'),
      this.#options.url(),
    ]);
    if (this.#socket || this.#closed) return;
    const socket = io(origin, {
      transports: ['websocket'],
      withCredentials: true,
      ...(token === undefined ? {} : { auth: this.#freshToken() }),
    });
    this.#socket = socket;
    socket.on('connect', () => this.emit('connected', true));
    socket.on('disconnect', () => this.emit('connected', false));
    socket.on('receive_message', (message: ReceivedDirect) => this.emit('message', message));
    socket.on('message_mirrored', (message: ReceivedDirect) => this.emit('mirrored', message));
    socket.on('messages_read', (read: DirectEvents['read']) => this.emit('read', read));
    socket.on('user_typing', (typing: DirectEvents['typing']) => this.emit('typing', typing));
    socket.on('user_status', (status: DirectEvents['status']) => this.emit('status', status));
  }

  /** Says that one types to somebody, or stopped. */
  typing(fromClerkId: string, toClerkId: string, isTyping: boolean): void {
    const event = isTyping ? 'typing_start' : 'typing_stop';
    this.#socket?.volatile.emit(event, { fromClerkId, toClerkId });
  }

  /** Disconnects for good. */
  close(): void {
    this.#closed = true;
    this.#socket?.disconnect();
    this.#socket = undefined;
  }

  /** Each connection proves itself anew: a ticket is good once. */
  #freshToken(): (send: (auth: { token?: string }) => void) => void {
    return (send) => {
      this.#options.url().then(
        ({ token }) => send(token === undefined ? {} : { token }),
        // The server refuses it, and the client tries again.
        () => send({}),
      );
    };
  }
}
