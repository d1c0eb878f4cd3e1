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
  /** Bytes that still pass at once. */
  #burstBytes = 0;

  #bytesPerS = Infinity;

  /**
   * Lets so much through at once, and from then on no more than the rate.
   *
   * @param {number} bytesPerS
   * @param {number} burstBytes
   */
  limit(bytesPerS, burstBytes) {
    this.#bytesPerS = bytesPerS;
    this.#burstBytes = burstBytes;
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
    if (this.#burstBytes > 0) {
      this.#burstBytes -= bytes;
      return;
    }
    const now = performance.now();
    this.#freeAt = Math.max(this.#freeAt, now) + (bytes / this.#bytesPerS) * 1000;
    const waitMs = this.#freeAt - now;
    if (waitMs > TICK_MS) await new Promise((resolve) => setTimeout(resolve, waitMs));
    while (this.#paused) await new Promise((resolve) => this.#waiting.add(resolve));
  }
}

function drained(to) {
  return new Promise((resolve) => {
    const done = () => {
      to.off('drain', done);
      to.off('close', done);
      resolve();
    };
    to.on('drain', done);
    to.on('close', done);
  });
}
