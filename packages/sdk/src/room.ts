import { Outbox, randomId, type Regard } from './outbox.ts';
import type { CreateRoom, UpdatePlayback } from './protocol.ts';
import { RoomSocket, type RoomSocketOptions } from './room-socket.ts';
import { RoomView } from './room-view.ts';
import { ServerClock } from './server-clock.ts';
import { systemTime } from './time.ts';
import { positionAt } from './timeline.ts';

/** A medium to play or to queue. */
export type Medium = Pick<CreateRoom, 'mediaUrl' | 'mediaType'> & { title?: string };

/** One room as a person uses it: its connection, its mirror, its clock, and the remote control. */
export class Room {
  readonly socket: RoomSocket;
  readonly view: RoomView;
  readonly clock: ServerClock;
  readonly outbox: Outbox;
  #wishes = 0;

  constructor(options: RoomSocketOptions) {
    const time = options.time ?? systemTime;
    this.socket = new RoomSocket(options);
    this.view = new RoomView(this.socket);
    this.clock = new ServerClock(this.socket, time, options.wake);
    this.outbox = new Outbox(this.socket, time);
    this.view.subscribe(({ playback }) => {
      if (playback) this.clock.follow(playback.clockId);
    });
    this.clock.onLost(() => this.view.refresh());
  }

  /** Connects, and stays connected until `leave`. */
  enter(): void {
    this.socket.open();
  }

  /** Leaves at once. */
  leave(): void {
    this.clock.stop();
    this.socket.close();
  }

  /** Where the room is now, ms; `null` without a medium or while the clock is unknown. */
  positionMs(): number | null {
    const { playback } = this.view.snapshot;
    if (!playback) return null;
    const serverMs = this.clock.now();
    return serverMs === null ? null : positionAt(playback, serverMs);
  }

  /** Plays for everybody. */
  play(): Promise<void> {
    return this.#wish({ isPlaying: true });
  }

  /** Pauses for everybody, where the room is now. */
  pause(): Promise<void> {
    return this.#wish({ isPlaying: false });
  }

  /** Goes to a position, ms, for everybody. */
  seek(positionMs: number): Promise<void> {
    return this.#wish({ currentTime: positionMs });
  }

  /** Sets the rate for everybody, 0.25 to 4. */
  setSpeed(playbackSpeed: number): Promise<void> {
    return this.#wish({ playbackSpeed });
  }

  /** Puts a medium on, from its beginning. */
  load(medium: Medium & { mediaUrl: string }, isPlaying = true): Promise<void> {
    return this.#wish({ ...medium, isPlaying, currentTime: 0 });
  }

  /** Says something; see `Outbox`. */
  say(text: string, regard?: Regard): Promise<void> {
    return this.outbox.say(text, regard);
  }

  /** Says one's own message differently; resolves once that is stored. */
  edit(id: string, text: string, mentions: readonly string[] = []): Promise<void> {
    const spokenTo = mentions.length === 0 ? {} : { mentions: [...mentions] };
    return this.socket.command('CHAT_EDIT', { id, text, ...spokenTo });
  }

  /** Takes a message back: one's own, or anybody's if one keeps order. Its place stays. */
  delete(id: string): Promise<void> {
    return this.socket.command('CHAT_DELETE', { id });
  }

  /** Reacts. */
  react(emoji: string): void {
    this.socket.tell('REACT', { emoji });
  }

  /**
   * Sends a wish with the revision it was made on, so that it loses to one that somebody else made
   * first. A wish never loses to an earlier one of the same person that is still on its way.
   */
  async #wish(wish: UpdatePlayback): Promise<void> {
    const rev = this.view.snapshot.playback?.rev;
    const first = this.#wishes === 0 && rev !== undefined;
    this.#wishes += 1;
    try {
      const op = randomId();
      await this.socket.command('UPDATE_PLAYBACK', { ...wish, op, ...(first ? { rev } : {}) });
    } finally {
      this.#wishes -= 1;
    }
  }
}
