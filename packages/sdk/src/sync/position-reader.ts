import { systemTime, type Time, type Timer } from '../time.ts';

/** From one look at a stepping element to the next, ms: how exactly its steps are seen. */
const LOOK_MS = 8;
/** Looks after which it is known whether an element steps. */
const TRIAL_LOOKS = 24;
/** Longest step that is believed, ms; beyond it the element stands. */
const LONGEST_STEP_MS = 60;

/** The part of a media element that is read. */
export type PositionSource = Pick<
  HTMLMediaElement,
  'currentTime' | 'playbackRate' | 'paused' | 'seeking' | 'ended' | 'addEventListener'
>;

/**
 * Reads where an element is. Chromium and Safari say it to the millisecond; Firefox moves
 * `currentTime` once in 40 to 47 ms only (measured on 153), right at the moment it moves and up
 * to a step behind after that. Such an element is watched closely, and between two steps its
 * position is drawn on at its rate.
 */
export class PositionReader {
  readonly #element: PositionSource;
  readonly #time: Time;
  #timer: Timer = null;
  /** Looks that found the element where it was before, and all looks, of the trial. */
  #still = 0;
  #looks = 0;
  /** Whether the element steps; `null` until that is known. */
  #steps: boolean | null = null;
  /** The latest step: position and own clock, ms. */
  #stepMs = Number.NaN;
  #steppedAt = 0;

  constructor(element: PositionSource, time: Time = systemTime) {
    this.#element = element;
    this.#time = time;
    element.addEventListener('playing', () => this.#watch());
    this.#watch();
  }

  /** Where the element is now, ms. */
  get positionMs(): number {
    const reportedMs = this.#element.currentTime * 1000;
    if (!this.#steps || !this.#isMoving() || reportedMs !== this.#stepMs) return reportedMs;
    const sinceMs = Math.min(LONGEST_STEP_MS, this.#time.now() - this.#steppedAt);
    return reportedMs + sinceMs * this.#element.playbackRate;
  }

  #isMoving(): boolean {
    const { paused, seeking, ended } = this.#element;
    return !paused && !seeking && !ended;
  }

  /** Looks again and again while the element plays, unless it is known not to step. */
  #watch(): void {
    this.#time.cancel(this.#timer);
    if (this.#steps === false || this.#element.paused) return;
    this.#look();
    this.#timer = this.#time.after(LOOK_MS, () => this.#watch());
  }

  #look(): void {
    const reportedMs = this.#element.currentTime * 1000;
    const moved = reportedMs !== this.#stepMs;
    if (moved) {
      this.#stepMs = reportedMs;
      // It moved at some time since the last look.
      this.#steppedAt = this.#time.now() - LOOK_MS / 2;
    }
    if (this.#steps === null && this.#isMoving()) this.#judge(moved);
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
