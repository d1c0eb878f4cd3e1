import { systemTime, type Time, type Timer } from '../time.ts';

/** From one look at a stepping element to the next, ms: how exactly its steps are seen. */
const LOOK_MS = 8;
/** A look later than this after the one before, ms, was held up, and says little. */
const PROMPT_MS = 14;
/** Prompt looks after which it is known whether an element steps. */
const TRIAL_LOOKS = 24;
/** Longest step that is believed, ms; looked at for longer without moving, the element stands. */
const LONGEST_STEP_MS = 60;
/** How long a step is remembered, ms: some of the last dozen were seen at once. */
const REMEMBERED_MS = 500;

/** The part of a media element that is read. */
export type PositionSource = Pick<
  HTMLMediaElement,
  'currentTime' | 'playbackRate' | 'paused' | 'seeking' | 'ended' | 'addEventListener'
>;

/** A move of a stepping element. */
interface Step {
  /** Own clock when it was seen, ms. */
  readonly seenAt: number;
  /** The position less all that could be played until then, ms. */
  readonly aheadMs: number;
}

/**
 * Reads where an element is. Chromium and Safari say it to the millisecond; Firefox moves
 * `currentTime` once in 40 to 47 ms only (measured on 153), right at the moment it moves and up
 * to a step behind after that. Such an element is watched closely, and between two steps its
 * position is drawn on at its rate.
 *
 * A step can be seen late, by as much as the page was held up, but never early. So the line goes
 * through that one of the last steps which is furthest ahead.
 */
export class PositionReader {
  readonly #element: PositionSource;
  readonly #time: Time;
  #timer: Timer = null;
  /** Prompt looks that found the element where it was before, and all of them, of the trial. */
  #still = 0;
  #looks = 0;
  /** Whether the element steps; `null` until that is known. */
  #steps: boolean | null = null;
  /** What the element said last, ms; `NaN` after it rested. */
  #saidMs = Number.NaN;
  #lookedAt = 0;
  /** For how long it was seen where it is, ms; time in which nobody looked does not count. */
  #stoodMs = 0;
  /** What could be played at the element's rate since the reader was made, ms. */
  #playableMs = 0;
  #latest: Step[] = [];

  constructor(element: PositionSource, time: Time = systemTime) {
    this.#element = element;
    this.#time = time;
    this.#lookedAt = time.now();
    element.addEventListener('playing', () => this.#watch());
    this.#watch();
  }

  /** Where the element is now, ms. */
  get positionMs(): number {
    if (!this.#steps) return this.#element.currentTime * 1000;
    this.#look();
    if (this.#latest.length === 0) return this.#element.currentTime * 1000;
    return Math.max(...this.#latest.map(({ aheadMs }) => aheadMs)) + this.#playableMs;
  }

  #isMoving(): boolean {
    const { paused, seeking, ended } = this.#element;
    return !paused && !seeking && !ended;
  }

  /** Looks again and again while the element plays, unless it is known not to step. */
  #watch(): void {
    this.#time.cancel(this.#timer);
    this.#look();
    if (this.#steps === false || this.#element.paused) return;
    this.#timer = this.#time.after(LOOK_MS, () => this.#watch());
  }

  #look(): void {
    const now = this.#time.now();
    const sinceMs = now - this.#lookedAt;
    this.#lookedAt = now;
    this.#playableMs += sinceMs * this.#element.playbackRate;
    this.#latest = this.#latest.filter(({ seenAt }) => now - seenAt < REMEMBERED_MS);
    if (!this.#isMoving()) return this.#rest();
    const saidMs = this.#element.currentTime * 1000;
    const moved = saidMs !== this.#saidMs;
    // Where it rested is no step: it may still rest there for a while.
    if (moved && !Number.isNaN(this.#saidMs)) this.#moved(saidMs, now);
    if (!moved) this.#stood(Math.min(sinceMs, PROMPT_MS));
    this.#saidMs = saidMs;
    if (this.#steps === null && sinceMs <= PROMPT_MS) this.#judge(moved);
  }

  #rest(): void {
    this.#saidMs = Number.NaN;
    this.#stoodMs = 0;
    this.#latest = [];
  }

  #moved(saidMs: number, now: number): void {
    this.#stoodMs = 0;
    this.#latest.push({ seenAt: now, aheadMs: saidMs - this.#playableMs });
  }

  /** An element that stalled goes on from where it stands: its steps from before mean nothing. */
  #stood(forMs: number): void {
    this.#stoodMs += forMs;
    if (this.#stoodMs > LONGEST_STEP_MS) this.#latest = [];
  }

  #judge(moved: boolean): void {
    this.#looks += 1;
    if (!moved) this.#still += 1;
    if (this.#looks < TRIAL_LOOKS) return;
    // All looks alike would be a stall; a stepping element moves in every fifth or so.
    const isStall = this.#still === this.#looks;
    if (!isStall) this.#steps = this.#still > this.#looks / 2;
    this.#looks = this.#still = 0;
  }
}
