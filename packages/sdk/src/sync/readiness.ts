import type { Readiness } from '../protocol.ts';
import type { RoomSocket } from '../room-socket.ts';
import type { Unsubscribe } from '../emitter.ts';

/**
 * Tells the room whether this player can go on: on each change, and again on each new connection.
 */
export class ReadinessReport {
  readonly #socket: RoomSocket;
  readonly #stop: Unsubscribe;
  #told: Readiness | null = null;

  constructor(socket: RoomSocket) {
    this.#socket = socket;
    this.#stop = socket.onState(() => (this.#told = null));
  }

  /** Lets the next report be news: the room asks each player anew. */
  again(): void {
    this.#told = null;
  }

  /** Reports, if it is news. The round trip lets the room choose how early to announce a start. */
  report(readiness: Readiness, rttMs: number | undefined): void {
    if (readiness === this.#told) return;
    const payload = rttMs === undefined ? { readiness } : { readiness, rttMs };
    if (this.#socket.tell('MEMBER_STATE', payload)) this.#told = readiness;
  }

  /** Stops listening. */
  stop(): void {
    this.#stop();
  }
}
