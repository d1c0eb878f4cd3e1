/**
 * The score of the sample film: bells at aperiodic instants, so that any moment of it can be told
 * from any other by ear or by instrument. The same for picture and sound, and the same each time.
 */

/** Length of the film, s. */
export const DURATION_S = 75;

/** D major pentatonic over two octaves, Hz, lowest first. */
const SCALE = [293.66, 329.63, 369.99, 440, 493.88, 587.33, 659.26, 739.99, 880, 987.77];
const SEED = 20_261;
const FIRST_S = 1.2;
const SILENT_END_S = 4;

/** Draws numbers from 0 to 1 that are the same each time (mulberry32). */
function randomFrom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A walk over the scale: small steps, now and then a leap, pauses of every length. */
function compose() {
  const random = randomFrom(SEED);
  const notes = [];
  let degree = 4;
  for (let at = FIRST_S; at < DURATION_S - SILENT_END_S; at += 0.23 + 1.05 * random() ** 1.7) {
    const leap = random() < 0.18 ? 4 : 2;
    degree += Math.round((random() * 2 - 1) * leap);
    if (degree < 0) degree = -degree;
    if (degree >= SCALE.length) degree = 2 * (SCALE.length - 1) - degree;
    notes.push({ at, degree, hz: SCALE[degree], loudness: 0.45 + 0.55 * random() });
  }
  return notes;
}

/** `at` in s, `degree` counts from the lowest note, `loudness` 0 to 1. */
export const NOTES = compose();
export const DEGREES = SCALE.length;
