import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The server under test; `PARLOR_BIN` names another build of it. */
export function binary(): string {
  const target =
    process.env['CARGO_TARGET_DIR'] ?? fileURLToPath(new URL('../../target', import.meta.url));
  return process.env['PARLOR_BIN'] ?? join(target, 'debug/parlor');
}

/** Returns a port that is free at this moment. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  if (address === null || typeof address === 'string') throw new Error('a port has a number');
  await new Promise((resolve) => probe.close(resolve));
  return address.port;
}

/** What a server is started with. */
export interface ServerOptions {
  /** The folder for its data; a fresh one, removed at the end, if absent. */
  dataDir?: string;
  /** More flags of `parlor serve`. */
  args?: string[];
  /** More environment. */
  env?: Record<string, string>;
  /** Started through another program, such as `unshare`. */
  through?: string[];
}

/** How a process ended. */
export interface Ended {
  /** Its exit status, or `null` after a signal. */
  code: number | null;
  /** The signal that ended it. */
  signal: NodeJS.Signals | null;
  /** Everything it said. */
  output: string;
}

/** A running `parlor serve` of one's own, on a free port, with its own data. */
export class Server {
  /** Where it is reached, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  readonly dataDir: string;
  readonly #options: ServerOptions;
  #child: ChildProcess;
  #ended: Promise<Ended>;
  #output = '';

  private constructor(port: number, dataDir: string, options: ServerOptions) {
    this.port = port;
    this.url = `http://localhost:${String(port)}`;
    this.dataDir = dataDir;
    this.#options = options;
    [this.#child, this.#ended] = this.#spawn();
  }

  /** Starts a server and waits until it is ready. */
  static async start(options: ServerOptions = {}): Promise<Server> {
    const server = await Server.launch(options);
    await server.#untilReady();
    return server;
  }

  /** Starts a server that is not expected to become ready. */
  static async launch(options: ServerOptions = {}): Promise<Server> {
    const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'parlor-e2e-')));
    return new Server(await freePort(), dataDir, options);
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('the server was never started');
    return this.#child.pid;
  }

  /** Everything it has said so far, both streams. */
  get output(): string {
    return this.#output;
  }

  /** Resolves when the process is gone. */
  get ended(): Promise<Ended> {
    return this.#ended;
  }

  /** Asks it to stop, as a service manager would, and waits until it has. */
  async stop(): Promise<Ended> {
    this.#child.kill('SIGTERM');
    return this.#ended;
  }

  /** Kills it without a word (`kill -9`) and waits until it is gone. */
  async kill(): Promise<Ended> {
    this.#child.kill('SIGKILL');
    return this.#ended;
  }

  /** Starts it again on the same port with the same data; it must have ended before. */
  async restart(): Promise<void> {
    await this.#ended;
    this.#output = '';
    [this.#child, this.#ended] = this.#spawn();
    await this.#untilReady();
  }

  /** Stops it and removes its data, unless the folder was the caller's. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    if (this.#options.dataDir === undefined) {
      await rm(this.dataDir, { recursive: true, force: true });
    }
  }

  #spawn(): [ChildProcess, Promise<Ended>] {
    const serve = [binary(), 'serve', '--listen', `127.0.0.1:${String(this.port)}`];
    const words = [
      ...(this.#options.through ?? []),
      ...serve,
      ...['--data-dir', this.dataDir],
      ...(this.#options.args ?? []),
    ];
    const [program, ...args] = words;
    if (program === undefined) throw new Error('there is always a program');
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      // A data folder is a fine place to start in: no stray .env or parlor.toml is found there.
      cwd: tmpdir(),
      env: { PATH: process.env['PATH'], RUST_BACKTRACE: '1', ...this.#options.env },
    });
    const hear = (chunk: Buffer) => {
      this.#output += chunk.toString();
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    const ended = new Promise<Ended>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        resolve({ code, signal, output: this.#output });
      });
    });
    return [child, ended];
  }

  /** Ready is when it prints the address to open: that is said once the sockets are bound. */
  async #untilReady(): Promise<void> {
    const { stdout, stderr } = this.#child;
    const ready = new Promise<void>((resolve) => {
      const look = () => {
        if (this.#output.includes(`http://localhost:${String(this.port)}`)) resolve();
      };
      look();
      stdout?.on('data', look);
      stderr?.on('data', look);
    });
    const died = this.#ended.then(({ code, output }) => {
      throw new Error(`the server ended with ${String(code)} before it was ready:\n${output}`);
    });
    await Promise.race([ready, died]);
  }
}
