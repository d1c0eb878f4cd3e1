import {
  positionAt,
  Room,
  type PlaybackState,
  type RoomState,
  type Time,
  type WebSocketLike,
} from '../src/index.ts';

/** One way on the path between a client and the server, ms. */
export interface Path {
  oneWayMs: number;
  jitterMs: number;
  /** More on the way to the server than on the way back. */
  asymmetryMs?: number;
}

interface Command {
  type: string;
  payload: Record<string, unknown>;
  id?: number;
}

/**
 * The room protocol as far as playback needs it, by the book and without a network: for tests of
 * what a client does with time. The real server is met in e2e.
 */
export class SimulatedServer {
  readonly #time: Time;
  readonly #random: () => number;
  readonly #connections = new Set<Connection>();
  /** The server's clock less the test's. */
  skewMs: number;
  /** Commands other than clock pings, as they came. */
  heard: Command[] = [];
  #seq = 0;
  #epoch = 'e1';
  playback: PlaybackState;

  constructor(time: Time, random: () => number, skewMs = 123_456) {
    this.#time = time;
    this.#random = random;
    this.skewMs = skewMs;
    this.playback = {
      mediaUrl: '/film.mp4',
      mediaType: null,
      isPlaying: false,
      currentTime: 0,
      playbackSpeed: 1,
      lastUpdatedBy: null,
      lastUpdated: '2026-01-01T00:00:00.000Z',
      at: 0,
      clockId: 'c1',
      rev: 1,
      holding: null,
    };
  }

  now(): number {
    return this.#time.now() + this.skewMs;
  }

  /** Where the room really is, ms. */
  positionMs(): number {
    return positionAt(this.playback, this.now());
  }

  /** A client that reaches the server over a path of its own. */
  enter(path: Path): Room {
    const room = new Room({
      url: 'ws://test',
      time: this.#time,
      random: this.#random,
      wake: () => () => {},
      connect: () => this.#connect(path),
    });
    room.enter();
    return room;
  }

  /** Changes what plays; `leadMs` ahead of now. */
  update(change: Partial<PlaybackState>, leadMs = 0): void {
    this.playback = {
      ...this.playback,
      currentTime: Math.round(this.positionMs()),
      at: this.now() + leadMs,
      rev: this.playback.rev + 1,
      ...change,
    };
    this.#seq += 1;
    for (const connection of this.#connections) this.#tellPlayback(connection);
  }

  /** Breaks every connection, as when the server goes. */
  cut(): void {
    for (const connection of [...this.#connections]) connection.cut();
  }

  /** Another start of the server: another clock, the film where it would be by now. */
  restart(skewMs: number): void {
    const positionMs = this.positionMs();
    this.cut();
    this.skewMs = skewMs;
    const { rev } = this.playback;
    this.playback = {
      ...this.playback,
      currentTime: Math.round(positionMs),
      at: this.now(),
      clockId: 'c2',
      rev: rev + 1,
    };
    this.#epoch = 'e2';
    this.#seq = 0;
  }

  #connect(path: Path): WebSocketLike {
    const connection = new Connection(this.#time, this.#random, path, (text) =>
      this.#hear(connection, JSON.parse(text) as Command),
    );
    this.#connections.add(connection);
    connection.gone = () => this.#connections.delete(connection);
    return connection;
  }

  #hear(connection: Connection, command: Command): void {
    if (command.type === 'CLOCK_PING') {
      const now = this.now();
      const payload = { c: command.payload['c'], rx: now, tx: now + 0.05 };
      return connection.tell({ type: 'CLOCK_PONG', payload });
    }
    this.heard.push(command);
    const fresh = command.type === 'RESUME' && command.payload['epoch'] === this.#epoch;
    if (fresh && command.payload['seq'] === this.#seq) {
      connection.tell({ type: 'RESUMED', payload: { epoch: this.#epoch, seq: this.#seq } });
    } else if (command.type === 'SYNC_REQUEST' || command.type === 'RESUME') {
      connection.tell({ type: 'SYNC_FULL_STATE', payload: this.#state() });
    }
  }

  #tellPlayback(connection: Connection): void {
    connection.tell({ type: 'PLAYBACK_UPDATED', payload: this.playback, seq: this.#seq });
  }

  #state(): RoomState {
    return {
      roomId: 'r',
      name: 'Film night',
      isPublic: false,
      maxParticipants: null,
      control: 'everyone',
      wait: 'all',
      entry: 'open',
      hasPassword: false,
      joinCode: 'ABC234',
      hostId: null,
      ownerId: null,
      createdAt: '2026-01-01T00:00:00.000Z',
      members: [],
      memberDetails: [],
      memberCount: 0,
      playbackState: this.playback,
      epoch: this.#epoch,
      seq: this.#seq,
      queue: [],
      chat: [],
      serverTime: this.now(),
    };
  }
}

/** One connection: frames arrive late, by a random share, and in order. */
class Connection implements WebSocketLike {
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: never) => void) | null = null;
  onclose: ((event: never) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  gone: () => void = () => {};
  readonly #time: Time;
  readonly #random: () => number;
  readonly #path: Path;
  readonly #hear: (text: string) => void;
  #open = true;
  #upAt = 0;
  #downAt = 0;

  constructor(time: Time, random: () => number, path: Path, hear: (text: string) => void) {
    this.#time = time;
    this.#random = random;
    this.#path = path;
    this.#hear = hear;
    time.after(2 * path.oneWayMs, () => (this.onopen as (() => void) | null)?.());
  }

  send(text: string): void {
    this.#upAt = Math.max(this.#upAt, this.#arrival(this.#path.asymmetryMs ?? 0));
    this.#time.after(this.#upAt - this.#time.now(), () => this.#open && this.#hear(text));
  }

  tell(frame: object): void {
    const data = JSON.stringify(frame);
    this.#downAt = Math.max(this.#downAt, this.#arrival(0));
    this.#time.after(this.#downAt - this.#time.now(), () => {
      if (this.#open) (this.onmessage as ((event: { data: string }) => void) | null)?.({ data });
    });
  }

  cut(): void {
    this.#open = false;
    this.gone();
    (this.onclose as ((event: { code: number }) => void) | null)?.({ code: 1006 });
  }

  close(): void {
    this.#open = false;
    this.gone();
  }

  #arrival(extraMs: number): number {
    const { oneWayMs, jitterMs } = this.#path;
    return this.#time.now() + oneWayMs + extraMs + this.#random() ** 2 * jitterMs;
  }
}
