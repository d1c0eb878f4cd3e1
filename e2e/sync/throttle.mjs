/** How much is sent at once, bytes: small against what a player keeps ahead. */
const CHUNK_BYTES = 16 * 1024;
const TICK_MS = 20;

/** Sends media no faster than a rate, and not at all while paused. */
export class Throttle {
  #paused = false;
  /** @type {Set<() => void>} */
  #waiting = new Set();
  /** When the line is free again. */
  #freeAt = 0;

  /** @param {number} bytesPerS `Infinity` for no limit. */
  constructor(bytesPerS) {
    this.bytesPerS = bytesPerS;
  }

  pause() {
    this.#paused = true;
  }

  resume() {
    this.#paused = false;
    this.#freeAt = performance.now();
    for (const go of this.#waiting) go();
    this.#waiting.clear();
  }

  /**
   * @param {import('node:stream').Readable} from
   * @param {import('node:stream').Writable} to
   */
  async pipe(from, to) {
    to.on('close', () => from.destroy());
    from.on('error', () => to.destroy());
    for await (const chunk of from) if (!(await this.#write(chunk, to))) return;
    to.end();
  }

  /**
   * @param {Buffer} body
   * @param {import('node:stream').Writable} to
   */
  async send(body, to) {
    if (await this.#write(body, to)) to.end();
  }

  async #write(body, to) {
    for (let at = 0; at < body.length; at += CHUNK_BYTES) {
      const chunk = body.subarray(at, at + CHUNK_BYTES);
      await this.#turn(chunk.length);
      if (to.destroyed) return false;
      if (!to.write(chunk)) await drained(to);
    }
    return !to.destroyed;
  }

  async #turn(bytes) {
    while (this.#paused) await new Promise((resolve) => this.#waiting.add(resolve));
    const now = performance.now();
    this.#freeAt = Math.max(this.#freeAt, now) + (bytes / this.bytesPerS) * 1000;
    const waitMs = this.#freeAt - now;
    if (waitMs > TICK_MS) await new Promise((resolve) => setTimeout(resolve, waitMs));
    while (this.#paused) await new Promise((resolve) => this.#waiting.add(resolve));
  }
}

function drained(to) {
  return new Promise((resolve) => {
    to.once('drain', resolve);
    to.once('close', resolve);
  });
}
