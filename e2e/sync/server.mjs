/** The real server, on a free port, with a data folder that is thrown away. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const START_MS = 20_000;
const ROOT = new URL('../../', import.meta.url).pathname;

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

export class Server {
  #child = null;

  static async start() {
    const server = new Server();
    server.port = await freePort();
    server.folder = await mkdtemp(join(tmpdir(), 'parlor-sync-'));
    await server.run();
    return server;
  }

  async run() {
    const binary = process.env.PARLOR_BIN ?? join(ROOT, 'target/debug/parlor');
    const listen = `127.0.0.1:${this.port}`;
    const args = ['serve', '--listen', listen, '--data-dir', this.folder];
    // What steers the measurement is no setting of the server.
    const env = { ...process.env };
    delete env.PARLOR_BIN;
    delete env.PARLOR_PORT;
    this.#child = spawn(binary, [...args, '--insecure-no-rate-limits'], {
      env,
      stdio: ['ignore', 'ignore', process.env.SYNC_LOG ? 'inherit' : 'ignore'],
    });
    const failed = once(this.#child, 'error').then(([error]) => Promise.reject(error));
    const until = performance.now() + START_MS;
    while (performance.now() < until) {
      const asked = fetch(`http://${listen}/health/ready`).then(
        ({ ok }) => ok,
        () => false,
      );
      if (await Promise.race([asked, failed])) return;
      if (this.#child.exitCode !== null) throw new Error(`parlor ended: ${this.#child.exitCode}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error('parlor did not become ready');
  }

  /** Ends it without a goodbye. */
  async kill() {
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }

  async stop() {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }
}
