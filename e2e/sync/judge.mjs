/**
 * Says how far members were apart, from what their elements showed. Its clock is the machine's own
 * (`performance.timeOrigin + performance.now()`, the same for all processes of one host), which the
 * members' controllers never see.
 */

/** A sample of a member: host clock and position of the medium, ms. @typedef {[number, number]} Sample */

/** From one look at the members to the next, ms: 40 Hz. */
export const LOOK_MS = 25;
/** What the members may differ by, ms. */
export const BAR_MS = 20;
/** Samples further apart than this, ms, say nothing about what lay between. */
const GAP_MS = 400;

/** Returns the position at a moment, between the samples around it. @param {Sample[]} samples */
function positionAt(samples, at, from) {
  let i = from;
  while (i + 1 < samples.length && samples[i + 1][0] <= at) i++;
  const before = samples[i];
  const after = samples[i + 1];
  if (!before || !after || before[0] > at || after[0] - before[0] > GAP_MS) return [null, i];
  const share = (at - before[0]) / (after[0] - before[0]);
  return [before[1] + share * (after[1] - before[1]), i];
}

/**
 * Returns the largest difference between any two members, moment by moment. Moments at which a
 * member showed nothing are left out for it.
 *
 * @param {Sample[][]} members
 * @returns {{ at: number, skewMs: number }[]}
 */
export function skews(members) {
  const first = Math.min(...members.map((samples) => samples[0]?.[0] ?? Infinity));
  const last = Math.max(...members.map((samples) => samples.at(-1)?.[0] ?? -Infinity));
  const cursors = members.map(() => 0);
  const series = [];
  for (let at = first; at <= last; at += LOOK_MS) {
    const positions = members.flatMap((samples, m) => {
      const [position, cursor] = positionAt(samples, at, cursors[m]);
      cursors[m] = cursor;
      return position === null ? [] : [position];
    });
    if (positions.length < 2) continue;
    series.push({ at, skewMs: Math.max(...positions) - Math.min(...positions) });
  }
  return series;
}

/** Returns the value below which a share of the values lies, by nearest rank. */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/**
 * Returns how long after `since` the members were apart for the last time, ms: the median of five
 * looks (125 ms) was over the bar. One look alone may be the instrument's own: a page that was held
 * up between reading the clock and reading the position.
 */
export function settleMs(series, since, until = Infinity) {
  const looks = series.filter(({ at }) => at >= since && at < until);
  const apart = looks.filter((_, i) => {
    const around = looks.slice(Math.max(0, i - 2), i + 3).map(({ skewMs }) => skewMs);
    return quantile(around, 0.5) >= BAR_MS;
  });
  return apart.length === 0 ? 0 : apart.at(-1).at - since + LOOK_MS;
}

/** Returns median, 95th percentile and maximum of the difference over a span of time. */
export function spread(series, since, until = Infinity) {
  const values = series.filter(({ at }) => at >= since && at < until).map(({ skewMs }) => skewMs);
  return {
    p50Ms: quantile(values, 0.5),
    p95Ms: quantile(values, 0.95),
    maxMs: quantile(values, 1),
    looks: values.length,
  };
}
