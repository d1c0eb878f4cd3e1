// @ts-check
import { spawn, spawnSync } from 'node:child_process';
import { chown, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './server.mjs';

/** Ends the program when the pipe on its standard input closes, however this process ends. */
const WATCHDOG =
  'signal=$1; shift; "$@" & server=$!; read -r _; kill -$signal $server; wait $server';

/**
 * A user to run a program as.
 *
 * @typedef {{ uid: number, gid: number }} User
 */

/** What several nodes have in common: a PostgreSQL and a Redis of one's own, gone at the end. */
export class Backing {
  /**
   * @private
   * @param {string} folder
   * @param {{ PARLOR_DATABASE_URL: string, PARLOR_REDIS_URL: string }} env
   * @param {(() => Promise<void>)[]} stops
   */
  constructor(folder, env, stops) {
    this.folder = folder;
    /** The environment of a node. */
    this.env = env;
    this.stops = stops;
  }

  /** Starts both; they answer when this resolves. */
  static async start() {
    const folder = await mkdtemp(join(tmpdir(), 'parlor-backing-'));
    const user = await postgresUser();
    if (user) await chown(folder, user.uid, user.gid);
    const bin = await postgresFolder();
    const data = join(folder, 'data');
    const made = spawnSync(
      join(bin, 'initdb'),
      ['-D', data, '--username=parlor', '--auth=trust', '--encoding=UTF8', '--no-sync'],
      { cwd: '/', ...user },
    );
    if (made.status !== 0) throw new Error(`initdb failed: ${String(made.stderr)}`);
    const settings = ['listen_addresses=', `unix_socket_directories=${folder}`, 'fsync=off'];
    const port = await freePort();
    const stops = await Promise.all([
      guarded(
        'QUIT',
        [join(bin, 'postgres'), '-D', data, ...settings.flatMap((setting) => ['-c', setting])],
        'database system is ready to accept connections',
        user,
      ),
      guarded(
        'KILL',
        ['redis-server', '--bind', '127.0.0.1', '--port', String(port), '--save', ''],
        'Ready to accept connections',
      ),
    ]);
    const host = encodeURIComponent(folder);
    const env = {
      PARLOR_DATABASE_URL: `postgres://parlor@localhost:5432/postgres?host=${host}`,
      PARLOR_REDIS_URL: `redis://127.0.0.1:${String(port)}/`,
    };
    return new Backing(folder, env, stops);
  }

  async [Symbol.asyncDispose]() {
    await Promise.all(this.stops.map((stop) => stop()));
    await rm(this.folder, { recursive: true, force: true });
  }
}

/**
 * Starts a program and waits until it says that it is ready. Returns what ends it.
 *
 * @param {string} signal
 * @param {string[]} command
 * @param {string} ready
 * @param {User} [user]
 * @returns {Promise<() => Promise<void>>}
 */
async function guarded(signal, command, ready, user) {
  const child = spawn('sh', ['-c', WATCHDOG, 'watchdog', signal, ...command], {
    cwd: '/',
    stdio: ['pipe', 'pipe', 'pipe'],
    ...user,
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  let said = '';
  await new Promise((resolve, reject) => {
    /** @param {Buffer} chunk */
    const hear = (chunk) => {
      said += chunk.toString();
      if (said.includes(ready)) resolve(undefined);
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('error', reject);
    child.once('close', () => {
      reject(new Error(`${command[0] ?? ''} ended before it was ready:\n${said}`));
    });
  });
  return async () => {
    child.stdin.end();
    await ended;
  };
}

/** Finds the folder with PostgreSQL's programs, which Debian keeps out of PATH. */
async function postgresFolder() {
  const root = '/usr/lib/postgresql';
  const versions = await readdir(root).catch(() => []);
  const newest = versions.sort((a, b) => Number(b) - Number(a))[0];
  return newest === undefined ? '' : join(root, newest, 'bin');
}

/**
 * PostgreSQL does not run as root.
 *
 * @returns {Promise<User | undefined>}
 */
async function postgresUser() {
  if (process.getuid?.() !== 0) return undefined;
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  const found = ['postgres', 'nobody'].map((name) => lines.find((line) => line[0] === name));
  const [, , uid, gid] = found.find((line) => line !== undefined) ?? [];
  if (uid === undefined || gid === undefined) throw new Error('nobody can run PostgreSQL');
  return { uid: Number(uid), gid: Number(gid) };
}
