import { median } from '../clock-filter.ts';
import type { Time } from '../time.ts';
import { COARSE, EXACT, steer, type Zones } from './law.ts';
import type { Leads } from './leads.ts';
import type { Player } from './player.ts';
import type { Gauge } from './telemetry.ts';

/** Errors the median is taken of. */
const WINDOW = 5;
/** Errors that are enough to act on. */
const FIRST_WINDOW = 3;
/** After a start or a seek of one's own, until the player moves evenly again. */
const BLIND_MS = 450;
const OFTEN_SEEKS = 3;
const OFTEN_MS = 15_000;
const LARGEST_SEEK_ZONE_MS = 2_000;
/** A target that is not buffered is sought all the same once it was waited for this long. */
const PATIENCE_MS = 4_000;

/** Keeps a playing player with the room: small errors by rate, large ones by one seek. */
export class Follower {
  readonly #player: Player;
  readonly #leads: Leads;
  readonly #gauge: Gauge;
  readonly #time: Time;
  readonly #zones: Zones;
  #errors: number[] = [];
  #blindUntil = 0;
  #learning: 'startMs' | 'seekMs' | null = null;
  #seeks: number[] = [];
  #seekZoneMs: number;
  #unbufferedSince: number | null = null;
  #lastRate = 1;
  #wide = false;
  /** Whether it stalled: its first error then is no outlier. */
  #afterStall = false;

  constructor(player: Player, leads: Leads, gauge: Gauge, time: Time) {
    this.#player = player;
    this.#leads = leads;
    this.#gauge = gauge;
    this.#time = time;
    this.#zones = player.sourceClass === 'exact' ? EXACT : COARSE;
    this.#seekZoneMs = this.#zones.seekMs;
  }

  /** The median error, ms; `null` while too little is known. */
  get errorMs(): number | null {
    const enough = this.#afterStall ? 1 : FIRST_WINDOW;
    return this.#errors.length < enough ? null : median(this.#errors);
  }

  /** The player was just started: what remains of the error is learned from. */
  started(): void {
    this.#begin('startMs');
  }

  /** The timeline changed under a playing player. */
  reset(): void {
    this.#errors = [];
    this.#afterStall = false;
  }

  /** The player stands although it should move. */
  stalled(): void {
    this.#errors = [];
    this.#afterStall = true;
  }

  /**
   * Looks at the error and acts on it. `targetMs` is where the room is at this very moment.
   */
  follow(targetMs: number, roomRate: number, hidden: boolean): void {
    const now = this.#time.now();
    if (this.#player.seeking || now < this.#blindUntil) return;
    const errorMs = targetMs - this.#player.positionMs;
    this.#gauge.add(errorMs);
    this.#errors = [...this.#errors, errorMs].slice(-WINDOW);
    const middle = this.errorMs;
    if (middle === null) return;
    if (this.#errors.length >= FIRST_WINDOW) this.#afterStall = false;
    if (this.#learning) this.#learn(middle);
    if (Math.abs(middle) > this.#seekZone(now)) this.#seek(targetMs, roomRate, now);
    else
      this.#setRate({
        errorMs: middle,
        roomRate,
        music: this.#player.music,
        hidden,
        wasWide: this.#wide,
      });
  }

  #learn(errorMs: number): void {
    if (this.#learning) this.#leads.learn(this.#player.kind, this.#learning, errorMs);
    this.#learning = null;
  }

  #setRate(situation: Parameters<typeof steer>[1]): void {
    this.#unbufferedSince = null;
    const { rate, preservesPitch, wide } = this.#player.fineRate
      ? steer(this.#zones, situation)
      : { rate: situation.roomRate, preservesPitch: true, wide: false };
    this.#wide = wide;
    if (rate !== this.#lastRate) this.#gauge.rateChanges += 1;
    this.#lastRate = rate;
    this.#player.setRate(rate, preservesPitch);
  }

  #seek(targetMs: number, roomRate: number, now: number): void {
    const last = this.#seeks.at(-1);
    if (last !== undefined && now - last < this.#zones.seekApartMs) return;
    const aimMs = targetMs + this.#leads.of(this.#player.kind).seekMs * roomRate;
    if (!this.#player.isBuffered(aimMs)) {
      this.#unbufferedSince ??= now;
      if (now - this.#unbufferedSince < PATIENCE_MS) return;
    }
    this.#unbufferedSince = null;
    this.#seeks = [...this.#seeks, now];
    this.#gauge.seeks += 1;
    this.#player.setRate(roomRate, Math.abs(roomRate - 1) > 1e-4);
    this.#player.seek(aimMs);
    this.#begin('seekMs');
  }

  /** A source that has to be sought again and again is left more room, until it calms down. */
  #seekZone(now: number): number {
    this.#seeks = this.#seeks.filter((at) => now - at < OFTEN_MS);
    if (this.#seeks.length > OFTEN_SEEKS) {
      this.#seekZoneMs = Math.min(LARGEST_SEEK_ZONE_MS, this.#seekZoneMs * 2);
      this.#seeks = this.#seeks.slice(-1);
    }
    if (this.#seeks.length === 0) this.#seekZoneMs = this.#zones.seekMs;
    return this.#seekZoneMs;
  }

  #begin(learning: 'startMs' | 'seekMs'): void {
    this.reset();
    this.#learning = learning;
    this.#blindUntil = this.#time.now() + BLIND_MS;
  }
}
