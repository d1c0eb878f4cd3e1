import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { call, newGuest } from './support/api.ts';
import { Server } from './support/server.mjs';

/** The ways a client may go, and where it is in the end. */
const WAYS = [
  [['websocket'], 'websocket'],
  [['polling'], 'polling'],
  [['polling', 'websocket'], 'websocket'],
] as const;

let server: Server;
let counterpart: Server;
const open: Socket[] = [];

beforeAll(async () => {
  server = await Server.start();
  counterpart = await Server.start({ conformance: true });
});

afterEach(() => {
  for (const socket of open.splice(0)) socket.disconnect();
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await counterpart[Symbol.asyncDispose]();
});

/** A client of its own connection, that is closed with the test. */
function client(url: string, options: Partial<ManagerOptions & SocketOptions>): Socket {
  const socket = io(url, { forceNew: true, reconnectionDelay: 50, ...options });
  open.push(socket);
  return socket;
}

/** Waits for an event; returns its arguments. */
async function next(socket: Socket, event: string): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    socket.once(event, (...told: unknown[]) => {
      resolve(told);
    });
    if (event !== 'connect_error') {
      socket.once('connect_error', (error) => {
        reject(error);
      });
    }
  });
}

/** Makes an account. */
async function account(name: string): Promise<{ id: string; accessToken: string }> {
  const body = { username: name, email: `${name}@example.org`, password: 'a password' };
  const path = '/api/v1/auth/register';
  return (await call(server.url, 'POST', path, { body })) as { id: string; accessToken: string };
}

describe.each(WAYS)('socket.io-client by %j', (transports, end) => {
  test('events, bytes and acknowledgements come back, and pings are answered', async () => {
    const socket = client(counterpart.url, { transports: [...transports], auth: { token: '123' } });
    expect(await next(socket, 'auth')).toEqual([{ token: '123' }]);
    const back = next(socket, 'message-back');
    socket.emit('message', 1, 'two', { three: Buffer.from([1, 2]) }, Buffer.from([3]));
    expect(await back).toEqual([1, 'two', { three: Buffer.from([1, 2]) }, Buffer.from([3])]);
    const answer: unknown[] = await new Promise((resolve) => {
      socket.emit('message-with-ack', 'x', Buffer.from([4]), (...told: unknown[]) => {
        resolve(told);
      });
    });
    expect(answer).toEqual(['x', Buffer.from([4])]);
    await expect.poll(() => socket.io.engine.transport.name).toBe(end);
    for (let pings = 0; pings < 3; pings += 1) {
      await new Promise<void>((resolve) => {
        socket.io.engine.once('ping', () => {
          resolve();
        });
      });
    }
    expect(socket.connected).toBe(true);
  });

  test('namespaces share a connection', async () => {
    const main = client(counterpart.url, { transports: [...transports] });
    await next(main, 'auth');
    const custom = main.io.socket('/custom', { auth: { token: '456' } });
    open.push(custom);
    custom.connect();
    expect(await next(custom, 'auth')).toEqual([{ token: '456' }]);
    const unknown = main.io.socket('/random');
    open.push(unknown);
    unknown.connect();
    expect(await next(unknown, 'connect_error')).toEqual([new Error('Invalid namespace')]);
    custom.disconnect();
    const back = next(main, 'message-back');
    main.emit('message', 'still here');
    expect(await back).toEqual(['still here']);
  });

  test('a person is who the token says, and may register', async () => {
    const ada = await newGuest(server.url, 'Ada');
    const socket = client(server.url, {
      transports: [...transports],
      auth: { token: ada.accessToken },
    });
    await next(socket, 'connect');
    const registered = next(socket, 'registered');
    socket.emit('register_user', { clerkId: ada.id });
    const told = { success: true, clerkId: ada.id, socketId: socket.id };
    expect(await registered).toEqual([told]);
    expect(await socket.timeout(5_000).emitWithAck('fly')).toMatchObject({ code: 'unknown_event' });
  });

  test('a bad token is told by connect_error', async () => {
    const socket = client(server.url, { transports: [...transports], auth: { token: 'forged' } });
    const [error] = await next(socket, 'connect_error');
    expect(error).toMatchObject({
      message: 'Invalid or expired token',
      data: { code: 'invalid_token' },
    });
  });

  test('a client comes back when its connection breaks', async () => {
    const ada = await newGuest(server.url, 'Ada');
    const auth = { token: ada.accessToken };
    const socket = client(server.url, { transports: [...transports], auth });
    await next(socket, 'connect');
    const before = socket.id;
    const again = next(socket, 'connect');
    socket.io.engine.close();
    await again;
    expect(socket.id).not.toBe(before);
    const answer: unknown = await socket
      .timeout(5_000)
      .emitWithAck('register_user', { clerkId: ada.id });
    expect(answer).toMatchObject({ success: true });
  });

  test('a client that asks for it comes back as the one it was', async () => {
    const ada = await newGuest(server.url, 'Ada');
    const auth = { token: ada.accessToken };
    const query = { recovery: '1' };
    const socket = client(server.url, { transports: [...transports], auth, query });
    await next(socket, 'connect');
    const registered = next(socket, 'registered');
    socket.emit('register_user', { clerkId: ada.id });
    const before = socket.id;
    // The offset comes last, as from any server that keeps what clients miss.
    const told = { success: true, clerkId: ada.id, socketId: before };
    expect(await registered).toEqual([told, '1']);
    const again = next(socket, 'connect');
    socket.io.engine.close();
    await again;
    expect([socket.recovered, socket.id]).toEqual([true, before]);
  });

  test('a client does not come back when its login ends', async () => {
    const ada = await account(`ada_${transports.join('_')}`);
    const auth = { token: ada.accessToken };
    const socket = client(server.url, { transports: [...transports], auth });
    await next(socket, 'connect');
    const why = next(socket, 'error');
    const gone = next(socket, 'disconnect');
    await call(server.url, 'POST', '/api/v1/auth/logout', { token: ada.accessToken });
    expect(await why).toMatchObject([{ event: null, code: 'invalid_token' }]);
    expect((await gone)[0]).toBe('io server disconnect');
    expect(socket.active).toBe(false);
  });
});

test('clients come back to a server that was started again', async () => {
  await using own = await Server.start();
  const ada = await newGuest(own.url, 'Ada');
  const auth = { token: ada.accessToken };
  const sockets = WAYS.map(([transports]) =>
    client(own.url, { transports: [...transports], auth }),
  );
  await Promise.all(sockets.map((socket) => next(socket, 'connect')));
  const gone = Promise.all(sockets.map((socket) => next(socket, 'disconnect')));
  await own.stop();
  await gone;
  await own.restart();
  await expect.poll(() => sockets.every((socket) => socket.connected)).toBe(true);
});

describe.each(WAYS)('python-socketio by %j', (transports, end) => {
  /** Runs the Python client; returns what it says. */
  async function python(...words: string[]): Promise<unknown> {
    const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
    const script = at('support/socket_client.py');
    const [url = '', ...rest] = words;
    const args = [script, url, transports.join(','), ...rest];
    const { stdout } = await promisify(execFile)(at('../target/py/bin/python'), args);
    return JSON.parse(stdout);
  }

  test('events, bytes and acknowledgements come back, and pings are answered', async () => {
    expect(await python(counterpart.url, 'conformance')).toEqual({
      told: [[{ token: '123' }], [1, 'two', { three: [1, 2] }, [3]]],
      answer: ['x', [4]],
      transport: end,
    });
  });

  test('a person is who the token says, and may register', async () => {
    const ada = await newGuest(server.url, 'Ada');
    expect(await python(server.url, 'parlor', ada.accessToken, ada.id)).toMatchObject({
      answer: { success: true, clerkId: ada.id },
      same: true,
      transport: end,
    });
  });
});
