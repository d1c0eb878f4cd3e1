/** One exchange: when it was asked and answered on either clock, ms. */
export interface ClockSample {
  /** Own clock when the ping was sent. */
  readonly sentAt: number;
  /** Own clock when the pong was read. */
  readonly readAt: number;
  /** Server clock when the ping was read. */
  readonly rx: number;
  /** Server clock when the pong was written. */
  readonly tx: number;
}

/** What the samples say about the other clock. */
export interface ClockEstimate {
  /** Server clock less own clock, ms. */
  readonly offsetMs: number;
  /** How wrong that may be, ms: half the best round trip, as asymmetry of a path cannot be seen. */
  readonly boundMs: number;
  /** Best round trip, ms. */
  readonly rttMs: number;
}

const SAMPLES_KEPT = 64;
const KEPT_MS = 60_000;
/** Samples in a row that contradict the estimate before the older ones are thrown away. */
const STEP_SAMPLES = 4;
/** Beyond what the round trips explain, ms, before a sample contradicts. */
const STEP_SLACK_MS = 5;

/**
 * Estimates the server's clock from exchanges: of the last 64 samples of 60 s the best eighth by
 * round trip, of those the median. Queues on the way only ever lengthen a round trip, so the
 * shortest ones tell the truth.
 */
export class ClockFilter {
  #samples: ClockSample[] = [];
  #contradictions = 0;

  /** How many samples the estimate rests on. */
  get size(): number {
    return this.#samples.length;
  }

  /** Forgets everything. */
  clear(): void {
    this.#samples = [];
    this.#contradictions = 0;
  }

  /** Takes a sample in; one that answers before it was asked is ignored. */
  add(sample: ClockSample): void {
    if (!(roundTripMs(sample) >= 0)) return;
    this.#noticeStep(sample);
    this.#samples.push(sample);
    const oldest = sample.readAt - KEPT_MS;
    this.#samples = this.#samples.filter((one) => one.readAt >= oldest).slice(-SAMPLES_KEPT);
  }

  /** What the samples say; `null` before the first. */
  estimate(): ClockEstimate | null {
    if (this.#samples.length === 0) return null;
    const byTrip = [...this.#samples].sort((a, b) => roundTripMs(a) - roundTripMs(b));
    const best = byTrip.slice(0, Math.max(1, Math.ceil(byTrip.length / 8)));
    const rttMs = Math.min(...best.map(roundTripMs));
    return { offsetMs: median(best.map(offsetMs)), boundMs: rttMs / 2, rttMs };
  }

  /**
   * A machine that slept comes back with its clocks apart, and samples from before would outvote
   * the new ones for a minute: four contradictions in a row throw the old ones away.
   */
  #noticeStep(sample: ClockSample): void {
    const estimate = this.estimate();
    if (!estimate) return;
    const explained = roundTripMs(sample) / 2 + estimate.boundMs + STEP_SLACK_MS;
    const contradicts = Math.abs(offsetMs(sample) - estimate.offsetMs) > explained;
    this.#contradictions = contradicts ? this.#contradictions + 1 : 0;
    if (this.#contradictions < STEP_SAMPLES) return;
    this.#samples = this.#samples.slice(-(STEP_SAMPLES - 1));
    this.#contradictions = 0;
  }
}

function roundTripMs({ sentAt, readAt, rx, tx }: ClockSample): number {
  return readAt - sentAt - (tx - rx);
}

function offsetMs({ sentAt, readAt, rx, tx }: ClockSample): number {
  return (rx - sentAt + (tx - readAt)) / 2;
}

/** The middle value, or the mean of the two in the middle; `NaN` of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (index: number) => sorted[index] ?? Number.NaN;
  const upper = sorted.length >> 1;
  return sorted.length % 2 === 1 ? at(upper) : (at(upper - 1) + at(upper)) / 2;
}
