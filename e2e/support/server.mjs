// @ts-check
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * What a server is started with.
 *
 * @typedef {object} ServerOptions
 * @property {number} [port] The port it listens on; a free one if absent.
 * @property {string} [dataDir] The folder for its data; a fresh one, removed at the end, if absent.
 * @property {string[]} [args] More flags of `parlor serve`.
 * @property {Record<string, string>} [env] More environment.
 * @property {boolean} [conformance] Whether it is the counterpart of the protocols' test suites.
 * @property {string[]} [through] Started through another program, such as `unshare`.
 */

/**
 * How a process ended.
 *
 * @typedef {object} Ended
 * @property {number | null} code Its exit status, or `null` after a signal.
 * @property {NodeJS.Signals | null} signal The signal that ended it.
 * @property {string} output Everything it said.
 */

/**
 * @typedef {import('node:stream').Readable} Readable
 * @typedef {import('node:child_process').ChildProcessByStdio<null, Readable, Readable>} Child
 */

/** The server under test; `PARLOR_BIN` names another build of it. */
export function binary() {
  const target =
    process.env['CARGO_TARGET_DIR'] ?? fileURLToPath(new URL('../../target', import.meta.url));
  return process.env['PARLOR_BIN'] ?? join(target, 'debug/parlor');
}

/**
 * Returns a port that is free at this moment.
 *
 * @returns {Promise<number>}
 */
export async function freePort() {
  const probe = createServer();
  await new Promise((resolve) => probe.listen(0, '127.0.0.1', () => resolve(undefined)));
  const address = probe.address();
  if (address === null || typeof address === 'string') throw new Error('a port has a number');
  await new Promise((resolve) => probe.close(resolve));
  return address.port;
}

/** A running `parlor serve` of one's own, on a free port, with its own data. */
export class Server {
  /** @type {ServerOptions} */
  #options;
  /** @type {Child} */
  #child;
  /** @type {Promise<Ended>} */
  #ended;
  #output = '';

  /**
   * @private
   * @param {number} port
   * @param {string} dataDir
   * @param {ServerOptions} options
   */
  constructor(port, dataDir, options) {
    this.port = port;
    /** Where it is reached, without a slash at the end. */
    this.url = `http://localhost:${String(port)}`;
    this.dataDir = dataDir;
    this.#options = options;
    [this.#child, this.#ended] = this.#spawn();
  }

  /**
   * Starts a server and waits until it is ready.
   *
   * @param {ServerOptions} [options]
   */
  static async start(options = {}) {
    const server = await Server.launch(options);
    await server.#untilReady();
    return server;
  }

  /**
   * Starts a server that is not expected to become ready.
   *
   * @param {ServerOptions} [options]
   */
  static async launch(options = {}) {
    const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'parlor-e2e-')));
    return new Server(options.port ?? (await freePort()), dataDir, options);
  }

  /** @returns {number} */
  get pid() {
    if (this.#child.pid === undefined) throw new Error('the server was never started');
    return this.#child.pid;
  }

  /** Everything it has said so far, both streams. */
  get output() {
    return this.#output;
  }

  /** Resolves when the process is gone. */
  get ended() {
    return this.#ended;
  }

  /** Asks it to stop, as a service manager would, and waits until it has. */
  async stop() {
    this.#child.kill('SIGTERM');
    return this.#ended;
  }

  /** Kills it without a word (`kill -9`) and waits until it is gone. */
  async kill() {
    this.#child.kill('SIGKILL');
    return this.#ended;
  }

  /** Starts it again on the same port with the same data; it must have ended before. */
  async restart() {
    await this.#ended;
    this.#output = '';
    [this.#child, this.#ended] = this.#spawn();
    await this.#untilReady();
  }

  /** Stops it and removes its data, unless the folder was the caller's. */
  async [Symbol.asyncDispose]() {
    await this.stop();
    if (this.#options.dataDir === undefined) {
      await rm(this.dataDir, { recursive: true, force: true });
    }
  }

  /** @returns {[Child, Promise<Ended>]} */
  #spawn() {
    const words = [
      ...(this.#options.through ?? []),
      ...(this.#options.conformance === true
        ? [binary(), 'conformance', '--port', String(this.port)]
        : [binary(), 'serve', '--listen', `127.0.0.1:${String(this.port)}`]),
      ...(this.#options.conformance === true ? [] : ['--data-dir', this.dataDir]),
      ...(this.#options.args ?? []),
    ];
    const [program = '', ...args] = words;
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      // No stray .env or parlor.toml is found there.
      cwd: tmpdir(),
      env: { PATH: process.env['PATH'], RUST_BACKTRACE: '1', ...this.#options.env },
    });
    /** @param {Buffer} chunk */
    const hear = (chunk) => {
      this.#output += chunk.toString();
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    /** @type {Promise<Ended>} */
    const ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        resolve({ code, signal, output: this.#output });
      });
    });
    return [child, ended];
  }

  /** Ready is when it prints the address to open: that is said once the sockets are bound. */
  async #untilReady() {
    const { stdout } = this.#child;
    const ready = new Promise((resolve) => {
      const look = () => {
        if (this.#output.includes(' is ready: ')) resolve(undefined);
      };
      look();
      stdout.on('data', look);
    });
    const died = this.#ended.then(({ code, output }) => {
      throw new Error(`the server ended with ${String(code)} before it was ready:\n${output}`);
    });
    await Promise.race([ready, died]);
  }
}
