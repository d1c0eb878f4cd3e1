import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, open, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { newGuest, newRoom } from './support/api.ts';
import { Server } from './support/server.mjs';
import { RawSocket } from './support/socket.ts';

// What the world does to a server: a data folder that is none, a damaged database, a full disk.

const run = promisify(execFile);

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parlor-disk-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

test('a data folder that is a file ends the start with a sentence that names it', async () => {
  const file = join(folder, 'data');
  await writeFile(file, 'not a folder');
  const server = await Server.launch({ dataDir: file });
  const { code, output } = await server.ended;
  expect(code).not.toBe(0);
  expect(output).toContain(file);
  expect(output).not.toMatch(/panicked|stack backtrace/);
});

test('a database that is damaged ends the start with a sentence, and is left as it was', async () => {
  const first = await Server.start({ dataDir: folder });
  await first.stop();
  const name = (await readdir(folder)).find((entry) => entry.endsWith('.db')) ?? '';
  const database = await open(join(folder, name), 'r+');
  const garbage = Buffer.alloc(8_192, 'garbage ');
  await database.write(garbage, 0, garbage.length, 0);
  await database.close();
  const second = await Server.launch({ dataDir: folder });
  const { code, output } = await second.ended;
  expect(code).not.toBe(0);
  expect(output).toMatch(/database/i);
  expect(output).not.toMatch(/panicked|stack backtrace/);
  const left = await open(join(folder, name), 'r');
  const { buffer } = await left.read(Buffer.alloc(garbage.length), 0, garbage.length, 0);
  await left.close();
  expect(buffer.equals(garbage)).toBe(true);
});

/** A disk that can be filled up and emptied again, with a server on it. */
interface Disk {
  start(): Promise<Server>;
  fill(server: Server): Promise<void>;
  empty(server: Server): Promise<void>;
}

/** A file system of a few megabytes of its own, in a mount namespace only the server is in. */
const small: Disk = {
  start: () =>
    Server.start({
      dataDir: folder,
      through: [
        'unshare',
        '-m',
        'sh',
        '-c',
        `mount -t tmpfs -o size=6m parlor "${folder}" && exec "$@"`,
        'sh',
      ],
    }),
  async fill(server) {
    const fill = `dd if=/dev/zero of="${folder}/filler" bs=4k 2>/dev/null; sync`;
    await run('nsenter', ['-t', String(server.pid), '-m', 'sh', '-c', fill]);
  },
  async empty(server) {
    await run('nsenter', ['-t', String(server.pid), '-m', 'rm', `${folder}/filler`]);
  },
};

/** A limit on the length of files: writes beyond it fail, and need no privilege to be arranged. */
const limited: Disk = {
  // What would end the process is ignored, so that the write fails as on a full disk.
  start: () =>
    Server.start({
      dataDir: folder,
      through: ['sh', '-c', `trap '' XFSZ; exec "$@"`, 'sh'],
    }),
  async fill(server) {
    await run('prlimit', ['--pid', String(server.pid), '--fsize=1024:unlimited']);
  },
  async empty(server) {
    await run('prlimit', ['--pid', String(server.pid), '--fsize=unlimited:unlimited']);
  },
};

// Mounting needs privileges that not every machine gives; the other disk is there for all.
const mayMount = spawnSync('unshare', ['-m', 'true']).status === 0;
const disks: [string, Disk][] = [['refuses to grow', limited]];
if (mayMount) disks.push(['is full', small]);

test.each(disks)(
  'when the disk %s, chat says so, films go on, and nothing acknowledged is lost',
  async (_how, disk) => {
    const server = await disk.start();
    const [ada, bob] = [await newGuest(server.url, 'Ada'), await newGuest(server.url, 'Bob')];
    const room = await newRoom(server.url, ada, { idleTtlSeconds: 0 });
    const adas = await RawSocket.open(server.url, ada, room.roomId);
    const bobs = await RawSocket.open(server.url, bob, room.roomId);
    expect((await adas.ask('CHAT_SEND', { text: 'While there was room' })).type).toBe('ACK');

    await disk.fill(server);
    const acknowledged = ['While there was room'];
    let refused;
    for (let n = 0; refused === undefined && n < 2_000; n += 1) {
      const text = `Into the void ${String(n)} ${'.'.repeat(3_000)}`;
      const answer = await adas.ask('CHAT_SEND', { text });
      if (answer.type === 'ACK') acknowledged.push(text);
      // The rate of one person is another matter; the disk is what is asked about.
      else if (answer.code !== 'rate_limited') refused = answer;
    }
    expect(refused).toMatchObject({ type: 'ERROR', code: 'unavailable' });
    expect(JSON.stringify(refused)).not.toMatch(/sql|sqlite|disk i\/o/i);

    const from = bobs.frames.length;
    const played = await adas.ask('UPDATE_PLAYBACK', {
      mediaUrl: 'https://example.org/a.mp4',
      isPlaying: true,
    });
    expect(played.type).toBe('ACK');
    await bobs.frame((frame) => frame.type === 'PLAYBACK_UPDATED', from);

    await disk.empty(server);
    let after = await bobs.ask('CHAT_SEND', { text: 'There is room again' });
    // The write that failed may be tried again for a moment longer.
    for (let n = 0; after.type !== 'ACK' && n < 50; n += 1) {
      after = await bobs.ask('CHAT_SEND', { text: 'There is room again' });
    }
    expect(after.type).toBe('ACK');
    acknowledged.push('There is room again');

    const state = await bobs.ask('SYNC_REQUEST');
    const full =
      state.type === 'SYNC_FULL_STATE'
        ? state
        : await bobs.frame((frame) => frame.type === 'SYNC_FULL_STATE');
    const { chat } = full.payload as { chat: { text: string }[] };
    const latest = acknowledged.slice(-chat.length);
    expect(chat.map((message) => message.text)).toEqual(latest);
    await server.stop();
  },
);
