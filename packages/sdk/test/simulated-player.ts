import {
  Emitter,
  type Player,
  type PlayerEvents,
  type SourceClass,
  type Time,
  type Unsubscribe,
} from '../src/index.ts';

/** How a simulated player lags, ms, and drifts. */
export interface Habits {
  startLagMs?: number;
  /** What it says a start takes. */
  startMs?: number;
  /** What a seek while playing loses. */
  seekLagMs?: number;
  /** What a seek while paused takes. */
  placeMs?: number;
  driftPpm?: number;
  durationMs?: number;
  sourceClass?: SourceClass;
  music?: boolean;
}

/** A media element without the media: it lags, loses time and drifts as Chromium was measured to. */
export class SimulatedPlayer implements Player {
  readonly kind = 'simulated';
  readonly music: boolean;
  readonly fineRate: boolean;
  readonly #time: Time;
  readonly startMs?: number;
  readonly #habits: Required<Omit<Habits, 'startMs'>>;
  readonly #events = new Emitter<PlayerEvents>();
  #anchorMs = 0;
  #anchorAt = 0;
  #movesFrom = Infinity;
  #rate = 1;
  paused = true;
  seeking = false;
  canPlay = true;
  sourceClass: SourceClass;
  /** Refuses to play as a browser does before a click. */
  refusing = false;
  seeks: number[] = [];
  rates: number[] = [];
  /** The rates at which the pitch went with the rate. */
  bent: number[] = [];

  constructor(time: Time, { startMs, ...habits }: Habits = {}) {
    this.#time = time;
    if (startMs !== undefined) this.startMs = startMs;
    this.#habits = {
      startLagMs: 72,
      seekLagMs: 95,
      placeMs: 40,
      driftPpm: 0,
      durationMs: 600_000,
      sourceClass: 'exact',
      music: false,
      ...habits,
    };
    this.sourceClass = this.#habits.sourceClass;
    this.music = this.#habits.music;
    this.fineRate = this.sourceClass === 'exact';
  }

  get durationMs(): number {
    return this.#habits.durationMs;
  }

  get positionMs(): number {
    const moved = Math.max(0, this.#time.now() - this.#movesFrom);
    const speed = this.#rate * (1 + this.#habits.driftPpm / 1e6);
    return Math.min(this.durationMs, this.#anchorMs + moved * speed);
  }

  get ended(): boolean {
    return this.positionMs >= this.durationMs;
  }

  isBuffered(): boolean {
    return true;
  }

  async play(): Promise<void> {
    if (this.refusing) throw Object.assign(new Error('click first'), { name: 'NotAllowedError' });
    if (!this.paused) return;
    this.#anchor(this.#time.now() + this.#habits.startLagMs);
    this.paused = false;
    this.#awaitEnd();
  }

  pause(): void {
    if (this.paused) return;
    this.#anchor(Infinity);
    this.paused = true;
    this.#events.emit('changed', null);
  }

  seek(positionMs: number): void {
    this.seeks.push(positionMs);
    const takes = this.paused ? this.#habits.placeMs : this.#habits.seekLagMs;
    this.#anchorMs = positionMs;
    this.#anchorAt = this.#time.now();
    this.#movesFrom = this.paused ? Infinity : this.#anchorAt + takes;
    this.seeking = true;
    this.#time.after(takes, () => {
      this.seeking = false;
      this.#events.emit('changed', null);
    });
  }

  setRate(rate: number, preservesPitch: boolean): void {
    if (rate === this.#rate) return;
    this.rates.push(rate);
    if (!preservesPitch) this.bent.push(rate);
    if (!this.paused) this.#anchor(Math.max(this.#movesFrom, this.#time.now()));
    this.#rate = rate;
  }

  /** Stands still for a while, as when data is late. */
  stall(ms: number): void {
    this.canPlay = false;
    this.#anchor(this.#time.now() + ms);
    this.#time.after(ms, () => {
      this.canPlay = true;
      this.#events.emit('changed', null);
    });
  }

  on<K extends keyof PlayerEvents>(
    kind: K,
    listener: (value: PlayerEvents[K]) => void,
  ): Unsubscribe {
    return this.#events.on(kind, listener);
  }

  #anchor(movesFrom: number): void {
    this.#anchorMs = this.positionMs;
    this.#movesFrom = movesFrom;
  }

  #awaitEnd(): void {
    this.#time.after(50, () => {
      if (this.ended) {
        this.paused = true;
        this.#events.emit('ended', null);
      } else if (!this.paused) this.#awaitEnd();
    });
  }
}
