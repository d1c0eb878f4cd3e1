/** Writes the sound of the sample film to stdout: stereo, 48 kHz, 32-bit float. */
import { DURATION_S, NOTES } from './score.mjs';

const RATE_HZ = 48_000;
const FRAMES = DURATION_S * RATE_HZ;
const FADE_S = 2.5;

/** Partials of a soft bell: ratio to the fundamental, level, decay in s. */
const BELL = [
  [0.5, 0.28, 2.6],
  [1, 1, 1.9],
  [2.01, 0.42, 1.1],
  [3.02, 0.16, 0.6],
  [4.18, 0.09, 0.28],
  [5.43, 0.05, 0.14],
];

/** Chords of the pad, Hz; each swells and sinks over the whole of its time. */
const PAD = [
  [73.42, 146.83, 220, 293.66],
  [61.74, 123.47, 220, 293.66],
  [98, 146.83, 196, 246.94],
  [55, 110, 220, 277.18],
];
const CHORD_S = 7.5;

const left = new Float32Array(FRAMES);
const right = new Float32Array(FRAMES);

function strike({ at, hz, degree, loudness }) {
  const pan = 0.5 + ((degree % 5) - 2) * 0.11;
  const first = Math.round(at * RATE_HZ);
  for (const [ratio, level, decayS] of BELL) {
    const step = (2 * Math.PI * hz * ratio) / RATE_HZ;
    const last = Math.min(FRAMES, first + Math.round(decayS * 4 * RATE_HZ));
    for (let i = first; i < last; i++) {
      const t = (i - first) / RATE_HZ;
      const attack = Math.min(1, t / 0.004);
      const sample =
        0.11 * loudness * level * attack * Math.exp(-t / decayS) * Math.sin(step * (i - first));
      left[i] += sample * Math.sqrt(1 - pan);
      right[i] += sample * Math.sqrt(pan);
    }
  }
}

function swell(chord, startS) {
  const first = Math.round(startS * RATE_HZ);
  const length = Math.round(CHORD_S * 1.6 * RATE_HZ);
  for (const [voice, hz] of chord.entries()) {
    for (let i = first; i < Math.min(FRAMES, first + length); i++) {
      const t = (i - first) / RATE_HZ;
      const shape = Math.sin((Math.PI * (i - first)) / length) ** 2;
      const drift = 1 + 0.1 * Math.sin(2 * Math.PI * (0.11 + 0.03 * voice) * t);
      const sample = (0.02 / (1 + 0.35 * voice)) * shape * drift;
      left[i] += sample * Math.sin(2 * Math.PI * hz * 0.9993 * t);
      right[i] += sample * Math.sin(2 * Math.PI * hz * 1.0007 * t);
    }
  }
}

for (const note of NOTES) strike(note);
for (let start = 0, n = 0; start < DURATION_S; start += CHORD_S, n++) {
  swell(PAD[n % PAD.length], start);
}

const bytes = new Float32Array(2 * FRAMES);
for (let i = 0; i < FRAMES; i++) {
  const fade = Math.min(1, i / RATE_HZ, (FRAMES - i) / (FADE_S * RATE_HZ));
  bytes[2 * i] = Math.tanh(1.6 * left[i]) * fade;
  bytes[2 * i + 1] = Math.tanh(1.6 * right[i]) * fade;
}
process.stdout.write(Buffer.from(bytes.buffer));
