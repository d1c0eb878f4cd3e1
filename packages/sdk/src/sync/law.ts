/** The zones of the law, by kind of source. Errors are ms: positive is behind the room. */
export interface Zones {
  /** Up to here nothing is done. */
  readonly deadMs: number;
  /** Beyond here it is put right by a seek. */
  readonly seekMs: number;
  /** From one seek to the next at least, ms. */
  readonly seekApartMs: number;
}

/** Media elements of the browser. */
export const EXACT: Zones = { deadMs: 3, seekMs: 250, seekApartMs: 1_200 };
/** Players behind somebody else's interface: their clocks are coarse. */
export const COARSE: Zones = { deadMs: 80, seekMs: 350, seekApartMs: 4_000 };

/** Up to here the pitch may follow the rate: 2 % are a third of a semitone. */
const FINE_MS = 30;
/** A large error is put right at the wide rates until it is this small, or its rest would linger. */
const WIDE_UNTIL_MS = 15;
const FINE_RATE = 0.02;
const MUSIC_RATE = 0.005;
const WIDE_RATE = 0.12;
/** Share of the error that is put right per second. */
const GAIN = 1.2;
const WIDE_GAIN = 1.6;
/** A hidden page is woken once a second only; more gain would overshoot. */
const HIDDEN_GAIN = 0.5;
/** Rates are set in steps of this. */
const STEP = 1e-4;

/** What is known when the rate is chosen. */
export interface Situation {
  readonly errorMs: number;
  /** The rate of the room. */
  readonly roomRate: number;
  readonly music: boolean;
  readonly hidden: boolean;
  /** Whether the rate before this one was a wide one. */
  readonly wasWide: boolean;
}

/** A rate to set. */
export interface Rate {
  readonly rate: number;
  readonly preservesPitch: boolean;
  readonly wide: boolean;
}

/**
 * Returns the rate that puts a small error right.
 *
 * With `preservesPitch` Chromium resamples in whole windows, and a rate within 0.104 % of 1 does
 * nothing; without it rates are exact to a few ppm and free of clicks (measured on Chromium 156).
 * So the pitch follows the rate while that cannot be heard. In a room that plays faster or slower
 * than 1 it always can.
 */
export function steer(zones: Zones, situation: Situation): Rate {
  const { errorMs, roomRate, music, hidden, wasWide } = situation;
  const size = Math.abs(errorMs);
  const ordinary = Math.abs(roomRate - 1) < STEP;
  if (size <= zones.deadMs) return { rate: roomRate, preservesPitch: !ordinary, wide: false };
  const wide = size > FINE_MS || (wasWide && size > WIDE_UNTIL_MS);
  const most = wide ? WIDE_RATE : music ? MUSIC_RATE : FINE_RATE;
  const wanted = (errorMs / 1000) * (hidden ? HIDDEN_GAIN : wide ? WIDE_GAIN : GAIN);
  const change = Math.max(-most, Math.min(most, wanted));
  const rate = Math.round((roomRate * (1 + change)) / STEP) * STEP;
  return { rate, preservesPitch: wide || !ordinary, wide };
}
