import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { call } from './support/api.ts';
import { Backing } from './support/backing.mjs';
import { Balancer } from './support/balancer.ts';
import { Server } from './support/server.mjs';

// Clients of Socket.IO in front of three nodes, whose every request goes to another of them.

let backing: Backing;
let nodes: Server[];
let balancer: Balancer;
const open: Socket[] = [];
let people = 0;

beforeAll(async () => {
  backing = await Backing.start();
  nodes = [];
  for (let node = 0; node < 3; node += 1) nodes.push(await Server.start({ env: backing.env }));
  balancer = await Balancer.start(nodes);
});

afterEach(() => {
  for (const socket of open.splice(0)) socket.disconnect();
});

afterAll(async () => {
  await balancer[Symbol.asyncDispose]();
  for (const node of nodes) await node[Symbol.asyncDispose]();
  await backing[Symbol.asyncDispose]();
});

interface Account {
  id: string;
  accessToken: string;
}

async function account(): Promise<Account> {
  people += 1;
  const username = `person_${String(people)}`;
  const body = { username, email: `${username}@example.org`, password: 'a password' };
  return (await call(balancer.url, 'POST', '/api/v1/auth/register', { body })) as Account;
}

async function client(
  who: Account,
  options: Partial<ManagerOptions & SocketOptions>,
): Promise<Socket> {
  const auth = { token: who.accessToken };
  const socket = io(balancer.url, { forceNew: true, reconnectionDelay: 50, auth, ...options });
  open.push(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', reject);
  });
  return socket;
}

/** Collects the texts that a client is told. */
function texts(socket: Socket): string[] {
  const told: string[] = [];
  socket.on('receive_message', (message: { text: string }) => told.push(message.text));
  return told;
}

async function write(socket: Socket, from: Account, to: Account, text: string): Promise<void> {
  const form = { fromClerkId: from.id, toClerkId: to.id, text };
  const answer: unknown = await socket.timeout(10_000).emitWithAck('send_message', form);
  expect(answer).toHaveProperty('messageId');
}

describe.each([
  [['websocket']],
  [['polling']],
  // The move succeeds where the request happens to reach the connection's own node.
  [['polling', 'websocket']],
] as const)('socket.io-client by %j', (transports) => {
  test('people write to each other', async () => {
    const [ada, bob] = [await account(), await account()];
    const [one, two] = [
      await client(ada, { transports: [...transports] }),
      await client(bob, { transports: [...transports] }),
    ];
    const [toOne, toTwo] = [texts(one), texts(two)];
    const words = ['one', 'two', 'three', 'four', 'five', 'six', 'seven'];
    for (const word of words) {
      await write(one, ada, bob, `to bob: ${word}`);
      await write(two, bob, ada, `to ada: ${word}`);
    }
    await expect.poll(() => toTwo).toEqual(words.map((word) => `to bob: ${word}`));
    await expect.poll(() => toOne).toEqual(words.map((word) => `to ada: ${word}`));
    expect(balancer.requests.every((count) => count > 0)).toBe(true);
  });

  test('a client comes back elsewhere as the one it was and is told what it missed', async () => {
    const [ada, bob] = [await account(), await account()];
    const from = await client(bob, { transports: ['websocket'] });
    const query = { recovery: '1' };
    const socket = await client(ada, { transports: [...transports], query });
    const told = texts(socket);
    const before = socket.id;
    const words: string[] = [];
    for (let turn = 0; turn < 3; turn += 1) {
      for (const word of [`first of turn ${String(turn)}`, `second of turn ${String(turn)}`]) {
        words.push(word);
        await write(from, bob, ada, word);
      }
      await expect.poll(() => told).toEqual(words);
      const again = new Promise<void>((resolve) => socket.once('connect', resolve));
      // As if the network had changed under it.
      socket.io.engine.close();
      words.push(`missed in turn ${String(turn)}`);
      await write(from, bob, ada, `missed in turn ${String(turn)}`);
      await again;
      expect([socket.recovered, socket.id]).toEqual([true, before]);
      await expect.poll(() => told).toEqual(words);
    }
  });
});

test.each([['websocket'], ['polling'], ['polling,websocket']])(
  'python-socketio by %s',
  async (transports) => {
    const ada = await account();
    const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
    const words = [at('support/socket_client.py'), balancer.url, transports];
    const { stdout } = await promisify(execFile)(at('../target/py/bin/python'), [
      ...words,
      'parlor',
      ada.accessToken,
      ada.id,
    ]);
    expect(JSON.parse(stdout)).toMatchObject({
      answer: { success: true, clerkId: ada.id },
      same: true,
    });
  },
);
