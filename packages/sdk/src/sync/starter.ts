import type { Time, Timer } from '../time.ts';
import type { Leads } from './leads.ts';
import type { Player } from './player.ts';

/** A paused player nearer to its place than this is not sought. */
const IN_PLACE_MS = 2;
/** Later than this, a start is planned anew rather than made. */
const LATE_MS = 40;
const MOST_ATTEMPTS = 4;
/** Furthest ahead that a slow line makes a start be planned, ms. */
const FURTHEST_MS = 6_000;
/** Share of what the last attempt took that is added to be sure. */
const MARGIN = 0.25;

/** Where and when a paused player is to start. */
interface Plan {
  readonly rev: number;
  /** Own clock, ms. */
  readonly meetAt: number;
  readonly positionMs: number;
  readonly madeAt: number;
  timer: Timer;
}

/** The room's line, as a start needs it: own clock and position, both ms. */
export interface Line {
  readonly rev: number;
  /** Own clock at which the room begins to move, if that is still to come. */
  readonly beginsAt: number;
  positionAt(ownMs: number): number;
}

/**
 * Starts a paused player so that it meets the moving room: seeks it ahead while it stands, and
 * lets it go when the room comes by.
 */
export class Starter {
  readonly #player: Player;
  readonly #leads: Leads;
  readonly #time: Time;
  readonly #go: () => void;
  #plan: Plan | null = null;
  #attempts = 0;
  /** What the attempt before took, ms. */
  #tookMs = 0;

  constructor(player: Player, leads: Leads, time: Time, go: () => void) {
    this.#player = player;
    this.#leads = leads;
    this.#time = time;
    this.#go = go;
  }

  /** Forgets what was planned. */
  cancel(): void {
    if (this.#plan) this.#time.cancel(this.#plan.timer);
    this.#plan = null;
    this.#attempts = this.#tookMs = 0;
  }

  /** Brings the start forward; to be called again until the player plays. */
  advance(line: Line): void {
    const now = this.#time.now();
    if (this.#plan && this.#plan.rev !== line.rev) this.cancel();
    const plan = (this.#plan ??= this.#make(line, now));
    if (plan.timer !== null || this.#player.seeking || !this.#player.canPlay) return;
    const delayMs = plan.meetAt - this.#leads.of(this.#player.kind).startMs - now;
    if (delayMs < -LATE_MS && this.#attempts < MOST_ATTEMPTS) {
      this.#tookMs = now - plan.madeAt;
      this.#leads.learnPrepare(this.#player.kind, Math.min(this.#tookMs, 1_000));
      this.#plan = this.#make(line, now);
      return;
    }
    plan.timer = this.#time.after(Math.max(0, delayMs), () => {
      this.cancel();
      this.#go();
    });
  }

  #make(line: Line, now: number): Plan {
    const { startMs, prepareMs } = this.#leads.of(this.#player.kind);
    const together = line.beginsAt - startMs >= now;
    const slowMs = Math.min(FURTHEST_MS, this.#tookMs * (1 + MARGIN));
    const aheadMs = Math.max(prepareMs * 1.5 ** this.#attempts, slowMs);
    const meetAt = together ? line.beginsAt : now + startMs + aheadMs;
    const positionMs = line.positionAt(meetAt);
    this.#attempts += 1;
    if (this.#player.ended || Math.abs(this.#player.positionMs - positionMs) > IN_PLACE_MS) {
      this.#player.seek(positionMs);
    }
    return { rev: line.rev, meetAt, positionMs, madeAt: now, timer: null };
  }
}
