import { ClockFilter, type ClockEstimate } from './clock-filter.ts';
import { Emitter, type Unsubscribe } from './emitter.ts';
import type { RoomSocket } from './room-socket.ts';
import { systemTime, type Time, type Timer } from './time.ts';
import { browserWake, type Wake } from './wake.ts';

const BURST_PINGS = 12;
const BURST_EVERY_MS = 80;
const BRISK_FOR_MS = 20_000;
const BRISK_EVERY_MS = 1_000;
const CALM_EVERY_MS = 5_000;
/** Samples of one connection before its clock is believed. */
const ENOUGH_SAMPLES = 5;
/** An error larger than this is put right at once; a smaller one little by little. */
const JUMP_MS = 20;
/** How fast a small error is put right: ms per ms. */
const SLEW = 0.002;

/**
 * The server's clock as seen from here, measured over the room's socket. Never the wall clock: its
 * steps would move every film.
 *
 * Each connection is measured anew, because another server with another clock may answer it.
 */
export class ServerClock {
  readonly #socket: RoomSocket;
  readonly #time: Time;
  readonly #filter = new ClockFilter();
  /** What is told: follows the filter's estimate slowly. */
  #offsetMs: number | null = null;
  #boundMs = 0;
  /** Whether the offset rests on the first few samples alone, and had better follow the next. */
  #fresh = false;
  #slewedAt = 0;
  /** Which server clock the offset belongs to; `null` while that is unknown. */
  #clockId: string | null = null;
  #pings = 0;
  #brisk = 0;
  #timer: Timer = null;
  readonly #stops: Unsubscribe[];
  readonly #events = new Emitter<{ lost: null }>();

  constructor(socket: RoomSocket, time: Time = systemTime, wake: Wake = browserWake) {
    this.#socket = socket;
    this.#time = time;
    this.#stops = [
      socket.onState((state) => {
        if (state.phase === 'open') this.#restart();
        else this.#time.cancel(this.#timer);
      }),
      socket.onFrame((frame) => {
        if (frame.type === 'CLOCK_PONG') this.#pong(frame.payload);
      }),
      wake(() => this.measure()),
    ];
  }

  /** What the last samples say; `null` before the first. */
  get estimate(): ClockEstimate | null {
    return this.#filter.estimate();
  }

  /**
   * Says which server clock the room counts in. A clock that is not the one measured before must
   * be the one this connection answers with.
   */
  follow(clockId: string): void {
    if (clockId === this.#clockId) return;
    this.#clockId = clockId;
    this.#offsetMs = null;
    this.#fresh = true;
    this.#settle();
  }

  /** Server clock now, ms; `null` while it is not known well enough. */
  now(): number | null {
    const own = this.#time.now();
    this.#slew(own);
    return this.#offsetMs === null || this.#clockId === null ? null : own + this.#offsetMs;
  }

  /**
   * Calls `listener` when the clock that answers is not the one that was measured before. Time is
   * unknown from then until `follow` says which clock the room counts in now.
   */
  onLost(listener: () => void): Unsubscribe {
    return this.#events.on('lost', listener);
  }

  /** Measures again at once, closely. */
  measure(): void {
    if (this.#socket.state.phase !== 'open') return;
    this.#pings = 0;
    this.#brisk = BRISK_FOR_MS / BRISK_EVERY_MS;
    this.#time.cancel(this.#timer);
    this.#ping();
  }

  /** Stops measuring. */
  stop(): void {
    this.#time.cancel(this.#timer);
    for (const stop of this.#stops) stop();
  }

  #restart(): void {
    this.#filter.clear();
    this.measure();
  }

  #ping(): void {
    if (!this.#socket.tell('CLOCK_PING', { c: this.#time.now() })) return;
    this.#pings += 1;
    this.#timer = this.#time.after(this.#pauseMs(), () => this.#ping());
  }

  #pauseMs(): number {
    if (this.#pings < BURST_PINGS) return BURST_EVERY_MS;
    if (this.#brisk === 0) return CALM_EVERY_MS;
    this.#brisk -= 1;
    return BRISK_EVERY_MS;
  }

  #pong({ c, rx, tx }: { c: number; rx: number; tx: number }): void {
    this.#slew(this.#time.now());
    this.#filter.add({ sentAt: c, readAt: this.#time.now(), rx, tx });
    this.#settle();
  }

  /** Takes the estimate over where there is no offset yet, or one that is plainly wrong. */
  #settle(): void {
    const estimate = this.#filter.estimate();
    if (!estimate || this.#filter.size < ENOUGH_SAMPLES) return;
    const error = Math.abs(estimate.offsetMs - (this.#offsetMs ?? Infinity));
    if (error <= JUMP_MS) return;
    // An error that the bounds do not explain is another clock, or one that stood still.
    const lost = this.#offsetMs !== null && error > this.#boundMs + estimate.boundMs + JUMP_MS;
    this.#offsetMs = estimate.offsetMs;
    this.#boundMs = estimate.boundMs;
    this.#slewedAt = this.#time.now();
    if (!lost || this.#clockId === null) return;
    this.#clockId = null;
    this.#events.emit('lost', null);
  }

  #slew(own: number): void {
    const estimate = this.#filter.estimate();
    const step = (own - this.#slewedAt) * SLEW;
    this.#slewedAt = own;
    if (this.#offsetMs === null || !estimate || this.#filter.size < ENOUGH_SAMPLES) return;
    this.#fresh &&= this.#filter.size < BURST_PINGS;
    const error = estimate.offsetMs - this.#offsetMs;
    this.#offsetMs += this.#fresh ? error : Math.max(-step, Math.min(step, error));
  }
}
