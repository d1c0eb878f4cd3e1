/**
 * A network between one member and the server: frames of the room's socket are late by a chosen
 * amount, media may come slowly or not at all for a while. One proxy stands for one member's line.
 */
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { Throttle } from './throttle.mjs';

/**
 * @typedef {object} Path
 * @property {number} oneWayMs Delay in each direction, ms.
 * @property {number} jitterMs Largest random delay on top, ms; most are much smaller.
 * @property {number} [asymmetryMs] More delay towards the server than back, ms.
 */

/**
 * Delays chunks of a stream, keeping their order, as a path with a queue in it does.
 *
 * @param {net.Socket} from
 * @param {net.Socket} to
 * @param {() => number} delayMs
 */
function delayed(from, to, delayMs) {
  let lastAt = 0;
  from.on('data', (chunk) => {
    const at = Math.max(lastAt, performance.now() + delayMs());
    lastAt = at;
    setTimeout(() => to.writable && to.write(chunk), at - performance.now());
  });
  from.on('close', () => setTimeout(() => to.destroy(), delayMs()));
  from.on('error', () => to.destroy());
}

/** A member's line to the server at `target`, a port on this machine. */
export class DelayProxy {
  /** @type {Set<net.Socket>} */
  #sockets = new Set();
  #server;
  #throttle;

  /**
   * @param {number} target
   * @param {Path} path
   * @param {(path: string) => Promise<{ type: string, body: Buffer } | null>} [files] Pages of the
   *   measurement itself, beside those of the server.
   */
  constructor(target, path, files = async () => null) {
    this.path = path;
    this.target = target;
    this.files = files;
    this.#throttle = new Throttle();
    this.#server = http.createServer((request, response) => void this.#forward(request, response));
    this.#server.on('upgrade', (request, socket, head) => this.#tunnel(request, socket, head));
  }

  async listen() {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  get port() {
    return /** @type {net.AddressInfo} */ (this.#server.address()).port;
  }

  get origin() {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Breaks the sockets of the room without a goodbye. */
  cut() {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Lets no media through until `freeMedia`. */
  pauseMedia() {
    this.#throttle.pause();
  }

  /** Lets a first part of the media pass, and the rest no faster than a rate. */
  limitMedia(bytesPerS, burstBytes) {
    this.#throttle.limit(bytesPerS, burstBytes);
  }

  /** Lets media pass as fast as they come. */
  freeMedia() {
    this.#throttle.limit(Infinity, 0);
    this.#throttle.resume();
  }

  close() {
    this.cut();
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #oneWayMs(extraMs = 0) {
    return this.path.oneWayMs + extraMs + Math.random() ** 2 * this.path.jitterMs;
  }

  async #forward(request, response) {
    const file = await this.files(request.url).catch(() => null);
    if (file) return this.#serve(file, request, response);
    const { method, url, headers } = request;
    const upstream = http.request({
      port: this.target,
      host: '127.0.0.1',
      method,
      path: url,
      headers,
    });
    request.pipe(upstream);
    upstream.on('error', () => response.destroy());
    upstream.on('response', (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      const isMedia = /^(video|audio)\//.test(answer.headers['content-type'] ?? '');
      if (isMedia) this.#throttle.pipe(answer, response);
      else answer.pipe(response);
      response.on('close', () => upstream.destroy());
    });
  }

  #serve({ type, body }, request, response) {
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    const first = range ? Number(range[1]) : 0;
    const last = range?.[2] ? Math.min(Number(range[2]), body.length - 1) : body.length - 1;
    response.writeHead(range ? 206 : 200, {
      'content-type': type,
      'content-length': last - first + 1,
      'accept-ranges': 'bytes',
      'cache-control': 'no-store',
      ...(range ? { 'content-range': `bytes ${first}-${last}/${body.length}` } : {}),
    });
    const slice = body.subarray(first, last + 1);
    if (/^(video|audio)\//.test(type)) this.#throttle.send(slice, response);
    else response.end(slice);
  }

  #tunnel(request, socket, head) {
    const upstream = net.connect(this.target, '127.0.0.1');
    socket.setNoDelay(true);
    upstream.setNoDelay(true);
    for (const one of [socket, upstream]) {
      this.#sockets.add(one);
      one.on('close', () => this.#sockets.delete(one));
      one.on('error', () => one.destroy());
    }
    const lines = [`${request.method} ${request.url} HTTP/1.1`];
    for (let i = 0; i < request.rawHeaders.length; i += 2) {
      lines.push(`${request.rawHeaders[i]}: ${request.rawHeaders[i + 1]}`);
    }
    upstream.write(`${lines.join('\r\n')}\r\n\r\n`);
    if (head.length > 0) upstream.write(head);
    delayed(socket, upstream, () => this.#oneWayMs(this.path.asymmetryMs ?? 0));
    delayed(upstream, socket, () => this.#oneWayMs());
  }
}
