import { backoffMs } from './backoff.ts';
import { closeMeaning, type CloseMeaning } from './close-codes.ts';
import { Emitter, type Unsubscribe } from './emitter.ts';
import { Disconnected, ParlorError } from './errors.ts';
import type {
  CommandPayloads,
  CommandType,
  ServerFrame,
  StreamPosition,
  Ticket,
} from './protocol.ts';
import { socketAddress } from './socket-address.ts';
import { systemTime, type Time, type Timer } from './time.ts';
import { browserWake, type Wake } from './wake.ts';

/** Keeps the room alive where nothing else is said. */
const HEARTBEAT_MS = 25_000;
/** How often a silent connection is looked at. */
const WATCH_MS = 2_500;
/** After this long without a word from the server it is asked for one. */
const SILENCE_MS = 10_000;
/** After this long without an answer the connection counts as dead. */
const DEAD_MS = 5_000;
/** An attempt to connect that takes longer is given up. */
const CONNECT_MS = 10_000;

/** The part of the browser's `WebSocket` that is used; the `ws` package has it too. */
export interface WebSocketLike {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

/** How the connection stands. */
export type SocketState =
  | { phase: 'idle' }
  /** `attempt` counts from 1 since the last time it was open. */
  | { phase: 'connecting'; attempt: number }
  | { phase: 'open' }
  /** The connection broke; the next attempt is in `retryInMs`. */
  | { phase: 'waiting'; attempt: number; retryInMs: number; why: CloseMeaning }
  /** It will not come back by itself. `error` is what the server said, if it said something. */
  | { phase: 'closed'; why: CloseMeaning; error: ParlorError | null };

/** What a room socket is made of; everything but the address has a default. */
export interface RoomSocketOptions {
  /** `ws(s)://…/api/v1/rooms/{roomId}/ws`; a ticket may name another origin for the same path. */
  url: string;
  /**
   * Fetches a single-use ticket before each attempt, or `undefined` where the cookie serves. Its
   * argument counts the attempts since the last success. A refusal by the server ends the socket.
   */
  ticket?: (attempt: number) => Promise<Ticket | undefined>;
  /** Makes the connection. */
  connect?: (url: string) => WebSocketLike;
  time?: Time;
  random?: () => number;
  wake?: Wake;
}

interface Pending {
  resolve: () => void;
  reject: (error: Error) => void;
}

/**
 * The connection to one room: opens it, keeps it open, and pairs commands with their answers. It
 * knows nothing of what the frames mean; `RoomView` does.
 */
export class RoomSocket {
  readonly #options: Required<Omit<RoomSocketOptions, 'ticket'>> &
    Pick<RoomSocketOptions, 'ticket'>;
  readonly #events = new Emitter<{ frame: ServerFrame; state: SocketState }>();
  readonly #pending = new Map<string | number, Pending>();
  #position: () => StreamPosition | null = () => null;
  #state: SocketState = { phase: 'idle' };
  #connection: WebSocketLike | null = null;
  #attempt = 0;
  #nextId = 1;
  #timers: Timer[] = [];
  #unwake: Unsubscribe | null = null;
  #heardAt = 0;
  #askedAt: number | null = null;
  #saidAt = 0;
  #lastError: ParlorError | null = null;

  constructor(options: RoomSocketOptions) {
    this.#options = {
      connect: (url) => new WebSocket(url) as WebSocketLike,
      time: systemTime,
      random: Math.random,
      wake: browserWake,
      ...options,
    };
  }

  /** How the connection stands just now. */
  get state(): SocketState {
    return this.#state;
  }

  /** Calls `listener` with every frame, in the order the server sent them. */
  onFrame(listener: (frame: ServerFrame) => void): Unsubscribe {
    return this.#events.on('frame', listener);
  }

  /** Calls `listener` whenever the state of the connection changes. */
  onState(listener: (state: SocketState) => void): Unsubscribe {
    return this.#events.on('state', listener);
  }

  /** Names where in the room's stream to go on after a reconnect; `null` asks for everything. */
  resumeFrom(position: () => StreamPosition | null): void {
    this.#position = position;
  }

  /** Connects, and keeps connected until `close`. */
  open(): void {
    if (this.#state.phase !== 'idle' && this.#state.phase !== 'closed') return;
    this.#attempt = 0;
    this.#lastError = null;
    this.#unwake ??= this.#options.wake(() => this.retryNow());
    void this.#connect();
  }

  /** Leaves the room at once. */
  close(): void {
    this.tell('LEAVE');
    this.#end({ reason: 'left', reconnect: false });
  }

  /** Tries again without waiting, if the connection is lost just now. */
  retryNow(): void {
    if (this.#state.phase === 'waiting') void this.#connect();
    else if (this.#state.phase === 'open') this.#ask();
  }

  /**
   * Sends a command and waits for its answer. Rejects with `ParlorError` when the server refuses
   * it, with `Disconnected` when there is no connection or it broke first.
   */
  command<T extends CommandType>(
    type: T,
    ...[payload]: CommandPayloads[T] extends undefined ? [] : [CommandPayloads[T]]
  ): Promise<void> {
    const id = this.#nextId++;
    if (!this.#send({ type, payload, id })) return Promise.reject(new Disconnected());
    return new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject }));
  }

  /** Sends a command without asking for an answer; says whether there was a connection. */
  tell<T extends CommandType>(
    type: T,
    ...[payload]: CommandPayloads[T] extends undefined ? [] : [CommandPayloads[T]]
  ): boolean {
    return this.#send({ type, payload });
  }

  async #connect(): Promise<void> {
    this.#clearTimers();
    this.#attempt += 1;
    const attempt = this.#attempt;
    this.#become({ phase: 'connecting', attempt });
    let url = this.#options.url;
    try {
      const ticket = await this.#options.ticket?.(attempt);
      if (ticket) url = socketAddress(url, ticket);
    } catch (error) {
      if (!this.#connecting(attempt)) return;
      this.#refused(error);
      return;
    }
    if (!this.#connecting(attempt)) return;
    const connection = this.#options.connect(url);
    this.#connection = connection;
    connection.onopen = () => this.#opened(connection);
    connection.onmessage = (event: { data: unknown }) => this.#heard(connection, event.data);
    connection.onclose = (event: { code: number }) => this.#lost(connection, event.code);
    connection.onerror = () => {};
    this.#timers.push(
      this.#options.time.after(CONNECT_MS, () => {
        if (this.#state.phase === 'connecting') this.#drop(connection);
      }),
    );
  }

  #connecting(attempt: number): boolean {
    return this.#state.phase === 'connecting' && this.#attempt === attempt;
  }

  #refused(error: unknown): void {
    const final = error instanceof ParlorError && error.status >= 400 && error.status < 429;
    if (!final) return this.#wait({ reason: 'lost', reconnect: true });
    this.#lastError = error;
    const gone = error.code === 'room_not_found';
    this.#end({ reason: gone ? 'room_gone' : 'login_ended', reconnect: false });
  }

  #opened(connection: WebSocketLike): void {
    if (connection !== this.#connection) return connection.close(1000);
    this.#clearTimers();
    this.#heardAt = this.#options.time.now();
    this.#saidAt = this.#heardAt;
    this.#askedAt = null;
    this.#lastError = null;
    this.#state = { phase: 'open' };
    const position = this.#position();
    if (position) this.tell('RESUME', position);
    else this.tell('SYNC_REQUEST');
    this.#watch();
    this.#events.emit('state', this.#state);
  }

  #heard(connection: WebSocketLike, data: unknown): void {
    if (connection !== this.#connection || typeof data !== 'string') return;
    this.#heardAt = this.#options.time.now();
    this.#askedAt = null;
    const frame = readFrame(data);
    if (!frame) return;
    // Only a frame proves that the server let us in: a full room closes right after the upgrade.
    if (frame.type !== 'ERROR') this.#attempt = 0;
    if (frame.type === 'ACK') this.#settle(frame.id)?.resolve();
    if (frame.type === 'ERROR') {
      const error = new ParlorError(frame.payload, frame.code ?? 'internal');
      const pending = this.#settle(frame.id);
      if (pending) pending.reject(error);
      else this.#lastError = error;
    }
    this.#events.emit('frame', frame);
  }

  #settle(id: string | number | undefined): Pending | undefined {
    if (id === undefined) return undefined;
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  #lost(connection: WebSocketLike, code: number): void {
    if (connection !== this.#connection) return;
    const why = closeMeaning(code);
    if (why.reconnect) this.#wait(why);
    else this.#end(why);
  }

  #wait(why: CloseMeaning): void {
    this.#forgetConnection();
    const failures = Math.max(0, this.#attempt - 1) + (why.reason === 'flooding' ? 3 : 0);
    const retryInMs = backoffMs(failures, why.reason === 'restart', this.#options.random);
    this.#timers.push(this.#options.time.after(retryInMs, () => void this.#connect()));
    this.#become({ phase: 'waiting', attempt: this.#attempt, retryInMs, why });
  }

  #end(why: CloseMeaning): void {
    const connection = this.#connection;
    this.#forgetConnection();
    connection?.close(1000);
    this.#unwake?.();
    this.#unwake = null;
    this.#become({ phase: 'closed', why, error: this.#lastError });
  }

  /** Gives a connection up that does not answer; its own close event may never come. */
  #drop(connection: WebSocketLike): void {
    if (connection !== this.#connection) return;
    connection.onclose = null;
    connection.close();
    this.#wait({ reason: 'lost', reconnect: true });
  }

  #forgetConnection(): void {
    this.#clearTimers();
    this.#connection = null;
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of pending) reject(new Disconnected());
  }

  #clearTimers(): void {
    for (const timer of this.#timers) this.#options.time.cancel(timer);
    this.#timers = [];
  }

  #watch(): void {
    const connection = this.#connection;
    if (this.#state.phase !== 'open' || !connection) return;
    const now = this.#options.time.now();
    if (now - this.#saidAt >= HEARTBEAT_MS) this.tell('HEARTBEAT');
    if (this.#askedAt !== null && now - this.#askedAt >= DEAD_MS) return this.#drop(connection);
    if (this.#askedAt === null && now - this.#heardAt >= SILENCE_MS) this.#ask();
    this.#timers = [this.#options.time.after(WATCH_MS, () => this.#watch())];
  }

  /** Asks for a sign of life: the pong to a clock ping. */
  #ask(): void {
    this.#askedAt ??= this.#options.time.now();
    this.tell('CLOCK_PING', { c: this.#options.time.now() });
  }

  #send(frame: { type: CommandType; payload: unknown; id?: number }): boolean {
    if (this.#state.phase !== 'open' || !this.#connection) return false;
    if (frame.type !== 'CLOCK_PING') this.#saidAt = this.#options.time.now();
    this.#connection.send(JSON.stringify(frame));
    return true;
  }

  #become(state: SocketState): void {
    this.#state = state;
    this.#events.emit('state', state);
  }
}

/** Reads a frame; what is none is ignored, as a newer server may say more than this client knows. */
function readFrame(text: string): ServerFrame | null {
  try {
    const frame: unknown = JSON.parse(text);
    return typeof frame === 'object' && frame !== null && 'type' in frame
      ? (frame as ServerFrame)
      : null;
  } catch {
    return null;
  }
}
