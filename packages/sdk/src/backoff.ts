const FIRST_MS = 500;
/** Shorter than the 10 s for which a server that was started again keeps everybody's seat. */
const LONGEST_MS = 5_000;
const AFTER_RESTART_MS = 1_000;

/**
 * Returns how long to wait before the next attempt to connect, ms. The first comes at once or
 * nearly so; later ones double up to 5 s. Half of each wait is random, so that a room full of
 * clients does not come back in one instant. `failures` counts the attempts that failed since the
 * last success.
 */
export function backoffMs(failures: number, restart: boolean, random: () => number): number {
  if (failures === 0) return random() * (restart ? AFTER_RESTART_MS : FIRST_MS / 2);
  const whole = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures, 16));
  return whole / 2 + (random() * whole) / 2;
}
