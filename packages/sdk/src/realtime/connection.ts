import { backoffMs } from '../backoff.ts';
import type { Unsubscribe } from '../emitter.ts';
import { ParlorError } from '../errors.ts';
import type { Announcement, StreamLine } from '../protocol.ts';
import { browserWake } from '../wake.ts';
import { type Piece, pieces } from './event-stream.ts';

/** A stream that says nothing for so long, ms, is dead: the server says something every 15 s. */
const SILENCE_MS = 40_000;
/** Refusals that say "not now": Request Timeout and Too Many Requests (RFC 9110, RFC 6585). */
const LATER = new Set([408, 429]);

/** Why a stream ended for good: what the server refused. */
export interface Refusal {
  message: string;
  code: string;
  status: number;
}

/** What is heard of a room, or of the connection to it. */
export type Heard =
  | { kind: 'event'; event: Announcement }
  /** Where the room's events stand, told before the first of them. */
  | { kind: 'position'; id: string }
  | { kind: 'connected'; connected: boolean }
  /** Events were missed that cannot be had any more. */
  | { kind: 'gap' }
  /** It does not come back: the room is gone, or the server refuses for good. */
  | { kind: 'ended'; refusal: Refusal | null };

/** What a connection is made of. */
export interface ConnectionOptions {
  /** Asks for the stream from a position on; rejects with `ParlorError` if refused. */
  ask: (since: string | undefined, signal: AbortSignal) => Promise<ReadableStream<Uint8Array>>;
  /** The last event that was heard, in this tab or another. */
  since: () => string | undefined;
  hear: (heard: Heard) => void;
}

/** Reads a room's stream, and comes back by itself where that makes sense, until it is closed. */
export class RealtimeConnection {
  readonly #options: ConnectionOptions;
  readonly #unwake: Unsubscribe;
  #closed = false;
  #failures = 0;
  #breakOff: () => void = () => {};
  #retry: () => void = () => {};

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#unwake = browserWake(() => this.#retry());
    void this.#run();
  }

  /** Breaks it off; nothing is heard any more. */
  close(): void {
    this.#closed = true;
    this.#unwake();
    this.#breakOff();
    this.#retry();
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      const waitMs = await this.#read().catch((error: unknown) => this.#failed(error));
      if (this.#closed) return;
      this.#options.hear({ kind: 'connected', connected: false });
      await this.#pause(Math.max(waitMs, backoffMs(++this.#failures, false, Math.random)));
    }
  }

  /** Reads one stream to its end; returns how long to wait at least before the next, ms. */
  async #read(): Promise<number> {
    const reading = new AbortController();
    this.#breakOff = () => reading.abort();
    let silence: ReturnType<typeof setTimeout> | undefined;
    const awake = () => {
      clearTimeout(silence);
      silence = setTimeout(this.#breakOff, SILENCE_MS);
    };
    awake();
    try {
      const body = await this.#options.ask(this.#options.since(), reading.signal);
      for await (const piece of pieces(body)) {
        if (this.#closed) return 0;
        awake();
        this.#hear(piece);
      }
    } finally {
      clearTimeout(silence);
    }
    return 0;
  }

  #hear({ id, data }: Piece): void {
    if (data === undefined) {
      if (id !== undefined) this.#options.hear({ kind: 'position', id });
      return;
    }
    const line = JSON.parse(data) as StreamLine | Announcement;
    if ('event' in line) {
      this.#options.hear({ kind: 'event', event: line });
      if (line.event === 'chat.destroy') this.#end(null);
      return;
    }
    if (line.type === 'gap') this.#options.hear({ kind: 'gap' });
    if (line.type !== 'connected') return;
    this.#failures = 0;
    this.#options.hear({ kind: 'connected', connected: true });
  }

  /** Ends if it was refused for good; otherwise returns how long the server wants to be left, ms. */
  #failed(error: unknown): number {
    if (!(error instanceof ParlorError)) return 0;
    const { status, code, message, retryAfterSeconds = 0 } = error;
    if (status >= 400 && status < 500 && !LATER.has(status)) this.#end({ message, code, status });
    return retryAfterSeconds * 1_000;
  }

  #end(refusal: Refusal | null): void {
    if (this.#closed) return;
    this.close();
    this.#options.hear({ kind: 'ended', refusal });
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#retry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
