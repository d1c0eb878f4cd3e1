import type { EventPayloads } from '@parlor/sdk';

/** A reaction on its way up over the film. */
export interface Floating {
  key: number;
  emoji: string;
  userId: string;
  /** Where it rises, 0 to 1 of the film's width. */
  across: number;
}

/** A reaction on the timeline. */
export interface Mark {
  key: number;
  emoji: string;
  userId: string;
  positionMs: number;
}

/** How long a reaction floats, ms. */
const FLOATS_MS = 2_600;

/** Most reactions in the air, and most marks on a timeline. */
const FLOATING_MOST = 24;
const MARKS_MOST = 120;

/** Spreads keys evenly over 32 bits (Knuth's multiplicative hash, 2^32 over the golden ratio). */
const GOLDEN = 0x9e3779b1;

/** The reactions of a room: those in the air, and those along the timeline. */
export class Reactions {
  floating = $state.raw<readonly Floating[]>([]);
  marks = $state.raw<readonly Mark[]>([]);
  #nextKey = 0;

  /** Lets a reaction float, and marks where in the film it was. */
  take({ userId, emoji, currentTime }: EventPayloads['REACTION']): void {
    const key = this.#nextKey++;
    const across = 0.1 + 0.8 * ((Math.imul(key, GOLDEN) >>> 0) / 2 ** 32);
    this.floating = [...this.floating, { key, emoji, userId, across }].slice(-FLOATING_MOST);
    setTimeout(() => (this.floating = this.floating.filter((one) => one.key !== key)), FLOATS_MS);
    if (currentTime === null) return;
    const mark = { key, emoji, userId, positionMs: currentTime };
    this.marks = [...this.marks, mark].slice(-MARKS_MOST);
  }

  /** Something else is on: its timeline is still empty. */
  forgetMarks(): void {
    this.marks = [];
  }
}
