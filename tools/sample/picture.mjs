/**
 * Writes the picture of the sample film to stdout: raw RGB frames. A music-box roll passes a lamp:
 * each bell is a dot that comes from the right and lights up on the line where it sounds.
 */
import { once } from 'node:events';
import { DEGREES, DURATION_S, NOTES } from './score.mjs';

const WIDTH = 1280;
const HEIGHT = 720;
const FPS = 30;
/** Where a note sounds. */
const LINE_X = 400;
const SPEED_PX_S = 150;
const TOP_Y = 104;
const BOTTOM_Y = 404;
const DOT_PX = 9;

const NIGHT = [19, 16, 13];
const AMBER = [224, 162, 82];
const PAPER = [243, 236, 224];

const noteY = (degree) => BOTTOM_Y - ((BOTTOM_Y - TOP_Y) * degree) / (DEGREES - 1);

/** A room at night with the light of a lamp around the line. Dithered, so that it shows no bands. */
function background() {
  const frame = Buffer.alloc(WIDTH * HEIGHT * 3);
  let noise = 1;
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const distance = Math.hypot((x - LINE_X) / 560, (y - 250) / 380);
      const light = 0.17 * Math.exp(-distance * distance * 1.5);
      noise = (Math.imul(noise, 1_664_525) + 1_013_904_223) >>> 0;
      const dither = noise / 4_294_967_296 - 0.5;
      for (let c = 0; c < 3; c++) {
        const value = NIGHT[c] + (AMBER[c] - NIGHT[c]) * light + dither;
        frame[(y * WIDTH + x) * 3 + c] = Math.max(0, Math.min(255, Math.round(value)));
      }
    }
  }
  for (let degree = 0; degree < DEGREES; degree++) {
    const y = Math.round(noteY(degree));
    for (let x = 0; x < WIDTH; x++) blend(frame, x, y, PAPER, 0.045);
  }
  return frame;
}

function blend(frame, x, y, colour, share) {
  if (x < 0 || x >= WIDTH || y < 0 || y >= HEIGHT) return;
  const at = (y * WIDTH + x) * 3;
  for (let c = 0; c < 3; c++) frame[at + c] += (colour[c] - frame[at + c]) * share;
}

/** Paints around a point what `shareAt` says of the distance to it, px. */
function paint(frame, cx, cy, reach, colour, shareAt) {
  for (let y = Math.floor(cy - reach); y <= cy + reach; y++) {
    for (let x = Math.floor(cx - reach); x <= cx + reach; x++) {
      const share = shareAt(Math.hypot(x - cx, y - cy));
      if (share > 0.004) blend(frame, x, y, colour, Math.min(1, share));
    }
  }
}

const disc = (radius) => (distance) => radius + 0.5 - distance;
const ring = (radius, share) => (distance) =>
  share * Math.max(0, 1.6 - Math.abs(distance - radius));
const glow = (radius, share) => (distance) => share * Math.exp(-((distance / radius) ** 2) * 2.2);

function drawLine(frame, light) {
  for (let y = 56; y < 456; y++) {
    const fade = Math.min(1, (y - 56) / 60, (456 - y) / 60);
    blend(frame, LINE_X, y, AMBER, (0.5 + 0.5 * light) * fade);
    blend(frame, LINE_X + 1, y, AMBER, (0.5 + 0.5 * light) * fade);
  }
}

function drawNote(frame, note, t) {
  const x = LINE_X + (note.at - t) * SPEED_PX_S;
  if (x < -80 || x > WIDTH + 80) return;
  const y = noteY(note.degree);
  const since = t - note.at;
  const radius = DOT_PX * (0.75 + 0.4 * note.loudness);
  const edge = Math.max(0, Math.min(1, (x + 40) / 260, (WIDTH + 40 - x) / 260));
  if (since < 0) return paint(frame, x, y, radius + 2, PAPER, (d) => 0.6 * edge * disc(radius)(d));
  const heat = Math.exp(-since * 1.8);
  paint(frame, x, y, 70, AMBER, glow(54, 0.75 * heat * note.loudness));
  paint(frame, x, y, radius + 2, AMBER, (d) => edge * (0.3 + 0.7 * heat) * disc(radius)(d));
  const wave = radius + since * 90;
  if (wave < 76) paint(frame, x, y, wave + 3, AMBER, ring(wave, 0.55 * (1 - wave / 76)));
}

const room = background();
const heatAt = (t) =>
  NOTES.reduce((sum, { at }) => sum + (t >= at && t < at + 2 ? Math.exp((at - t) * 5) : 0), 0);

for (let n = 0; n < DURATION_S * FPS; n++) {
  const t = n / FPS;
  const frame = Buffer.from(room);
  drawLine(frame, Math.min(1, heatAt(t)));
  for (const note of NOTES) drawNote(frame, note, t);
  if (!process.stdout.write(frame)) await once(process.stdout, 'drain');
}
