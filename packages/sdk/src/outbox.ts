import { Emitter, type Unsubscribe } from './emitter.ts';
import { Disconnected, ParlorError } from './errors.ts';
import type { CommandPayloads } from './protocol.ts';
import type { RoomSocket } from './room-socket.ts';
import { systemTime, type Time } from './time.ts';

/** Refusals that say "not now" rather than "no". */
const LATER = new Set(['busy', 'unavailable', 'rate_limited', 'internal']);
const RETRY_MS = 1_000;

/** A chat message that is on its way. */
export interface Outgoing {
  /** The idempotency key: however often it is sent, it is stored once. */
  readonly clientId: string;
  readonly text: string;
  readonly replyTo?: string;
  readonly mentions?: readonly string[];
}

/** What belongs to a message beside its text. */
export interface Regard {
  /** The message it answers. */
  replyTo?: string | undefined;
  /** The ids of those it speaks to, up to 20; the text has their names behind an `@`. */
  mentions?: readonly string[] | undefined;
}

interface Entry {
  message: Outgoing;
  resolve: () => void;
  reject: (error: Error) => void;
}

/**
 * Chat messages that the server has not confirmed. Each is sent again after a reconnect until it
 * is known to be stored, under the same key, so that none is lost and none is doubled.
 */
export class Outbox {
  readonly #socket: RoomSocket;
  readonly #time: Time;
  readonly #newId: () => string;
  readonly #entries = new Map<string, Entry>();
  readonly #events = new Emitter<{ changed: readonly Outgoing[] }>();

  constructor(socket: RoomSocket, time: Time = systemTime, newId: () => string = randomId) {
    this.#socket = socket;
    this.#time = time;
    this.#newId = newId;
    socket.onFrame((frame) => {
      if (frame.type === 'CHAT_MESSAGE') this.#stored(frame.payload.clientId);
      if (frame.type === 'SYNC_FULL_STATE') {
        for (const message of frame.payload.chat) this.#stored(message.clientId);
      }
    });
    socket.onState((state) => {
      if (state.phase === 'open') for (const entry of this.#entries.values()) this.#send(entry);
      if (state.phase === 'closed') this.#giveUp();
    });
  }

  /** What is on its way, oldest first. */
  get waiting(): readonly Outgoing[] {
    return [...this.#entries.values()].map((entry) => entry.message);
  }

  /** Calls `listener` with what is on its way, now and after each change. */
  subscribe(listener: (waiting: readonly Outgoing[]) => void): Unsubscribe {
    listener(this.waiting);
    return this.#events.on('changed', listener);
  }

  /**
   * Says something, now or as soon as there is a connection. Resolves once it is stored; rejects
   * with `ParlorError` if the server refuses it for good.
   */
  say(text: string, { replyTo, mentions = [] }: Regard = {}): Promise<void> {
    const clientId = this.#newId();
    const message: Outgoing = {
      clientId,
      text,
      ...(replyTo === undefined ? {} : { replyTo }),
      ...(mentions.length === 0 ? {} : { mentions }),
    };
    return new Promise((resolve, reject) => {
      const entry: Entry = { message, resolve, reject };
      this.#entries.set(clientId, entry);
      this.#send(entry);
      this.#changed();
    });
  }

  #send(entry: Entry): void {
    if (this.#socket.state.phase !== 'open') return;
    this.#socket.command('CHAT_SEND', payloadOf(entry.message)).then(
      () => this.#stored(entry.message.clientId),
      (error: Error) => this.#refused(entry, error),
    );
  }

  #refused(entry: Entry, error: Error): void {
    if (error instanceof Disconnected || !this.#entries.has(entry.message.clientId)) return;
    if (error instanceof ParlorError && LATER.has(error.code)) {
      this.#time.after(RETRY_MS, () => {
        if (this.#entries.has(entry.message.clientId)) this.#send(entry);
      });
      return;
    }
    this.#entries.delete(entry.message.clientId);
    entry.reject(error);
    this.#changed();
  }

  #stored(clientId: string | null | undefined): void {
    const entry = clientId == null ? undefined : this.#entries.get(clientId);
    if (!entry) return;
    this.#entries.delete(entry.message.clientId);
    entry.resolve();
    this.#changed();
  }

  #giveUp(): void {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    for (const entry of entries)
      entry.reject(new Disconnected('The room is gone; this was not sent'));
    if (entries.length > 0) this.#changed();
  }

  #changed(): void {
    this.#events.emit('changed', this.waiting);
  }
}

function payloadOf({ mentions, ...message }: Outgoing): CommandPayloads['CHAT_SEND'] {
  return mentions ? { ...message, mentions: [...mentions] } : message;
}

/** A key nobody else draws. `crypto.randomUUID` is missing on pages served over plain http. */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
