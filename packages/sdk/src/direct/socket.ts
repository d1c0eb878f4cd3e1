import { Emitter } from '../emitter.ts';
import { Disconnected } from '../errors.ts';
import { TabShare } from '../tabs/share.ts';
import {
  type DirectAnswer,
  DirectConnection,
  type DirectEvents,
  type DirectNews,
  type DirectPlace,
  type DirectToSend,
} from './connection.ts';

/** Whose direct messages, and where to connect. */
export interface DirectSocketOptions {
  /** One's own `clerkId`. */
  me: string;
  /** Names the connection among those of one browser; whose it is must be in it. */
  name: string;
  /** The server's origin, and what proves who one is where no cookie does. */
  place: DirectPlace;
}

type Asked =
  | { kind: 'state' }
  | { kind: 'send'; message: DirectToSend }
  | { kind: 'typing'; toClerkId: string; isTyping: boolean };

/**
 * What brings one's direct messages, and sends them: one connection for all tabs of a browser in which
 * the same person is logged in. It comes back by itself, in another tab if this one goes.
 */
export class DirectSocket extends Emitter<DirectEvents> {
  readonly #share: TabShare<DirectNews, Asked, DirectAnswer | boolean>;
  /** The connection, in the tab that holds it. */
  #held: DirectConnection | undefined;
  #connected = false;
  #closed = false;

  constructor({ me, name, place }: DirectSocketOptions) {
    super();
    this.#share = new TabShare({
      name: `direct.${name}`,
      hold: (tell) => {
        // What happened since the last tab held, if one did, was told to nobody.
        this.#become(false);
        const held = new DirectConnection(me, place, tell);
        this.#held = held;
        return () => {
          this.#held = undefined;
          held.close();
        };
      },
      follow: () => {
        this.#become(false);
        const state = this.#share.ask({ kind: 'state' });
        state.then(
          (connected) => this.#become(connected === true),
          () => undefined,
        );
      },
      hear: (news) => this.#hear(news),
      carryOut: (asked) => this.#carryOut(asked),
    });
  }

  /** Whether events arrive. */
  get connected(): boolean {
    return this.#connected;
  }

  /** Whether the connection is this tab's. */
  get holds(): boolean {
    return this.#share.holds;
  }

  /** Begins. */
  open(): void {
    if (!this.#closed) this.#share.open();
  }

  /**
   * Writes to somebody; it is on disk when this resolves. Rejects with `ParlorError` if the server
   * refuses it, with `Disconnected` if there is no connection or it broke: send it again then, under
   * the same `clientMessageId`. If the tab that holds the connection goes, that is done by itself.
   */
  async send(message: DirectToSend): Promise<DirectAnswer> {
    return (await this.#share.ask({ kind: 'send', message })) as DirectAnswer;
  }

  /** Says that one types to somebody, or stopped. */
  typing(toClerkId: string, isTyping: boolean): void {
    if (!this.#connected) return;
    this.#share.ask({ kind: 'typing', toClerkId, isTyping }).catch(() => undefined);
  }

  /** Ends for good in this tab; others go on. */
  close(): void {
    this.#closed = true;
    this.#share.close();
  }

  async #carryOut(asked: Asked): Promise<DirectAnswer | boolean> {
    const held = this.#held;
    if (!held) throw new Disconnected();
    switch (asked.kind) {
      case 'state':
        return held.connected;
      case 'send':
        return held.send(asked.message);
      case 'typing':
        held.typing(asked.toClerkId, asked.isTyping);
        return true;
    }
  }

  #hear(news: DirectNews): void {
    if (this.#closed) return;
    if (news.name === 'connected') return this.#become(news.value);
    const emit = this.emit.bind(this) as (name: string, value: unknown) => void;
    emit(news.name, news.value);
  }

  #become(connected: boolean): void {
    if (this.#closed || this.#connected === connected) return;
    this.#connected = connected;
    this.emit('connected', connected);
  }
}
