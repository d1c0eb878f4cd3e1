import type { SourceClass, Telemetry } from '../protocol.ts';

const MOST_SAMPLES = 200;

/** Gathers what a player did between two reports. */
export class Gauge {
  #sizes: number[] = [];
  #nowMs = 0;
  seeks = 0;
  rateChanges = 0;
  stalls = 0;

  /** Takes an error in, ms; positive is behind. */
  add(errorMs: number): void {
    this.#nowMs = errorMs;
    if (this.#sizes.length < MOST_SAMPLES) this.#sizes.push(Math.abs(errorMs));
  }

  /** Returns what was gathered and begins anew; `null` when nothing was. */
  take(clockBoundMs: number, sourceClass: SourceClass): Telemetry | null {
    if (this.#sizes.length === 0) return null;
    const sorted = [...this.#sizes].sort((a, b) => a - b);
    const telemetry: Telemetry = {
      errorP50Ms: tenths(quantile(sorted, 0.5)),
      errorP95Ms: tenths(quantile(sorted, 0.95)),
      errorMaxMs: tenths(quantile(sorted, 1)),
      errorNowMs: tenths(this.#nowMs),
      seeks: this.seeks,
      rateChanges: this.rateChanges,
      stalls: this.stalls,
      clockBoundMs: tenths(clockBoundMs),
      class: sourceClass,
    };
    this.#sizes = [];
    this.seeks = this.rateChanges = this.stalls = 0;
    return telemetry;
  }
}

/** Returns the value below which a share of the values lies, by nearest rank. */
export function quantile(sorted: readonly number[], share: number): number {
  const rank = Math.ceil(share * sorted.length) - 1;
  return sorted[Math.max(0, Math.min(sorted.length - 1, rank))] ?? 0;
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
