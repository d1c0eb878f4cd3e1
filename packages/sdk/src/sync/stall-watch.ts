/** A player that stands still this long although it should move has stalled, ms. */
const STILL_MS = 300;
/** A move smaller than this, ms, is none. */
const MOVED_MS = 1;

/** Notices a player that should move and does not. */
export class StallWatch {
  #positionMs = Number.NaN;
  #movedAt = 0;
  #stalled = false;

  /** Whether the player stands still although it should move. */
  get stalled(): boolean {
    return this.#stalled;
  }

  /** Begins anew: the player was told to move at this moment. */
  reset(now: number): void {
    this.#positionMs = Number.NaN;
    this.#movedAt = now;
    this.#stalled = false;
  }

  /** Takes in where a player is that should move; says whether a stall began just now. */
  look(positionMs: number, now: number): boolean {
    const moved = !(Math.abs(positionMs - this.#positionMs) < MOVED_MS);
    if (moved) {
      this.#positionMs = positionMs;
      this.#movedAt = now;
      this.#stalled = false;
      return false;
    }
    const began = !this.#stalled && now - this.#movedAt >= STILL_MS;
    if (began) this.#stalled = true;
    return began;
  }
}
