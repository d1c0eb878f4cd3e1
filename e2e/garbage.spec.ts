import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Guest, type NewRoom, Refused, call, newGuest, newRoom } from './support/api.ts';
import { Server } from './support/server.mjs';
import { type Closed, type Frame, RawSocket } from './support/socket.ts';

// What a client may not do, what it hears when it does, and that nobody else notices.

let server: Server;
let guests = 0;

beforeAll(async () => {
  // The rates of guests and rooms per address are not what is tested here; each guest floods alone.
  server = await Server.start();
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

interface Scene {
  rude: Guest;
  room: NewRoom;
  socket: RawSocket;
  bystander: RawSocket;
}

/** A room in which somebody is about to misbehave and somebody else watches. */
async function scene(): Promise<Scene> {
  guests += 1;
  const rude = await newGuest(server.url, `Rude ${String(guests)}`);
  const other = await newGuest(server.url, `Bystander ${String(guests)}`);
  const room = await newRoom(server.url, other);
  const bystander = await RawSocket.open(server.url, other, room.roomId);
  await bystander.ask('SYNC_REQUEST');
  const socket = await RawSocket.open(server.url, rude, room.roomId);
  await bystander.frame((frame) => names(frame, 'USER_JOINED', rude));
  return { rude, room, socket, bystander };
}

function names(frame: Frame, type: string, guest: Guest): boolean {
  return frame.type === type && (frame.payload as { userId?: string }).userId === guest.id;
}

/** The bystander's connection works, quickly, and heard nothing but what it may hear. */
async function unimpressed({ bystander }: Scene, heard: string[] = []): Promise<void> {
  const before = bystander.frames.length;
  const asked = performance.now();
  bystander.send('CLOCK_PING', { c: asked });
  await bystander.frame((frame) => frame.type === 'CLOCK_PONG', before);
  expect(performance.now() - asked).toBeLessThan(1_000);
  const said = await bystander.ask('CHAT_SEND', { text: 'All quiet here' });
  expect(said.type).toBe('ACK');
  const expected = new Set(['ACK', 'CLOCK_PONG', 'CHAT_MESSAGE', 'USER_JOINED', ...heard]);
  expected.add('SYNC_FULL_STATE');
  expect(bystander.frames.map((frame) => frame.type).filter((type) => !expected.has(type))).toEqual(
    [],
  );
}

test.each<[string, string, string]>([
  ['what is not JSON', 'hello', 'malformed'],
  ['an array', '[]', 'malformed'],
  ['a frame without a type', '{"id":1}', 'malformed'],
  [
    'a position that is not a number',
    '{"type":"UPDATE_PLAYBACK","payload":{"currentTime":NaN}}',
    'malformed',
  ],
  ['nesting without end', '['.repeat(30_000), 'malformed'],
  ['an unknown type', '{"type":"SELF_DESTRUCT"}', 'unknown_type'],
  ['a payload that is missing', '{"type":"CHAT_SEND"}', 'invalid'],
  ['a negative position', '{"type":"UPDATE_PLAYBACK","payload":{"currentTime":-1}}', 'invalid'],
  [
    'a position beyond all films',
    '{"type":"UPDATE_PLAYBACK","payload":{"currentTime":1e300}}',
    'invalid',
  ],
  ['a rate of 1000', '{"type":"UPDATE_PLAYBACK","payload":{"playbackSpeed":1000}}', 'invalid'],
  ['a rate of nought', '{"type":"UPDATE_PLAYBACK","payload":{"playbackSpeed":0}}', 'invalid'],
  [
    'a script as a medium',
    '{"type":"UPDATE_PLAYBACK","payload":{"mediaUrl":"javascript:alert(1)"}}',
    'invalid',
  ],
  [
    'a file as a medium',
    '{"type":"QUEUE_ADD","payload":{"mediaUrl":"file:///etc/passwd"}}',
    'invalid',
  ],
  [
    'an address of 2 001 characters',
    `{"type":"QUEUE_ADD","payload":{"mediaUrl":"https://a.example/${'a'.repeat(1_983)}"}}`,
    'invalid',
  ],
  ['an empty message', '{"type":"CHAT_SEND","payload":{"text":""}}', 'invalid'],
  [
    'a message of 4 001 characters',
    `{"type":"CHAT_SEND","payload":{"text":"${'ä'.repeat(4_001)}"}}`,
    'invalid',
  ],
  [
    'an id of 300 bytes',
    `{"type":"CHAT_SEND","payload":{"text":"a"},"id":"${'i'.repeat(300)}"}`,
    'invalid',
  ],
])('%s is answered by an error, and the connection stays', async (_what, text, code) => {
  const here = await scene();
  const from = here.socket.frames.length;
  here.socket.sendText(text);
  const error = await here.socket.frame((frame) => frame.type === 'ERROR', from);
  expect(error).toMatchObject({ code, payload: expect.any(String) as string });
  expect((await here.socket.ask('SYNC_REQUEST')).type).toMatch(/ACK|SYNC_FULL_STATE/);
  await unimpressed(here);
});

test('a name of 100 000 characters is refused, by socket and by HTTP', async () => {
  const here = await scene();
  const long = 'n'.repeat(50_000);
  const refused = await here.bystander.ask('ROOM_UPDATE', { name: long });
  expect(refused).toMatchObject({ type: 'ERROR', code: 'invalid' });
  const body = { name: 'n'.repeat(100_000) };
  const asked = call(server.url, 'POST', '/api/v1/rooms', { token: here.rude.accessToken, body });
  await expect(asked).rejects.toMatchObject({ status: 413, body: { code: 'too_large' } });
  const shorter = call(server.url, 'POST', '/api/v1/rooms', {
    token: here.rude.accessToken,
    body: { name: long },
  });
  await expect(shorter).rejects.toMatchObject({ status: 422, body: { code: 'invalid' } });
});

test.each<[string, (socket: RawSocket) => void, number]>([
  ['a message of 10 MB', (socket) => socket.ws.send('x'.repeat(10_000_000)), 1009],
  ['a binary message', (socket) => socket.ws.send(Buffer.from([1, 2, 3])), 1003],
])('%s closes the connection', async (_what, send, code) => {
  const here = await scene();
  send(here.socket);
  expect((await here.socket.closed).code).toBe(code);
  await unimpressed(here, ['USER_LEFT', 'MEMBER_UPDATED']);
});

test.each<[string, number[], number]>([
  // RFC 6455, section 5.1: a client masks, always.
  ['a frame without a mask', [0x81, 0x01, 0x41], 1002],
  ['a reserved bit', [0xc1, 0x80, 0, 0, 0, 0], 1002],
  ['an unknown opcode', [0x83, 0x80, 0, 0, 0, 0], 1002],
  ['a control frame in pieces', [0x09, 0x80, 0, 0, 0, 0], 1002],
  ['a continuation of nothing', [0x80, 0x80, 0, 0, 0, 0], 1002],
  ['text that is not UTF-8', [0x81, 0x81, 0, 0, 0, 0, 0xff], 1007],
  ['a length of 2^63', [0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 1009],
])('%s closes the connection', async (_what, bytes, code) => {
  const here = await scene();
  const closed = await upgradeAndSend(here, Buffer.from(bytes));
  expect(closed).toBe(code);
  await unimpressed(here, ['USER_LEFT', 'MEMBER_UPDATED']);
});

/** Upgrades by hand, sends bytes no WebSocket library would, and returns the close code. */
async function upgradeAndSend({ rude, room }: Scene, bytes: Buffer): Promise<number> {
  const socket = connect(server.port, '127.0.0.1');
  socket.write(
    [
      `GET /api/v1/rooms/${room.roomId}/ws HTTP/1.1`,
      `Host: localhost:${String(server.port)}`,
      `Authorization: Bearer ${rude.accessToken}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      '\r\n',
    ].join('\r\n'),
  );
  let received = Buffer.alloc(0);
  let sent = false;
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    received = Buffer.concat([received, chunk]);
    if (!sent && received.includes('\r\n\r\n')) {
      expect(received.toString('latin1')).toMatch(/^HTTP\/1\.1 101 /);
      sent = true;
      socket.write(bytes);
    }
  }
  // The last frame is the close: 0x88, its length, its code.
  const close = received.lastIndexOf(0x88);
  return received.readUInt16BE(close + 2);
}

test('10 000 messages in a second are refused and then end the connection', async () => {
  const here = await scene();
  for (let n = 0; n < 10_000; n += 1) here.socket.send('CHAT_SEND', { text: `Buy ${String(n)}` });
  const refused = await here.socket.frame((frame) => frame.code === 'rate_limited');
  expect(refused.type).toBe('ERROR');
  const closed = await here.socket.closed;
  expect(closed.code).toBe(4501);
  await unimpressed(here, ['USER_LEFT', 'MEMBER_UPDATED']);
});

test('a reader that never reads is cut off, and nobody else waits for it', async () => {
  const lifted = await Server.start({ args: ['--insecure-no-rate-limits'] });
  try {
    const [ada, bob] = [await newGuest(lifted.url, 'Ada'), await newGuest(lifted.url, 'Bob')];
    const room = await newRoom(lifted.url, ada);
    const talker = await RawSocket.open(lifted.url, ada, room.roomId);
    const deaf = await RawSocket.open(lifted.url, bob, room.roomId);
    await talker.frame((frame) => names(frame, 'USER_JOINED', bob));
    deaf.ws.pause();
    // The kernel holds some megabytes for the deaf one, the server four more; then it is enough.
    const text = 'blah '.repeat(800);
    const away = (frame: Frame) => frame.type === 'USER_LEFT' || isReconnecting(frame, bob);
    let slowest = 0;
    while (!talker.frames.some(away)) {
      const asked = performance.now();
      const answer = await talker.ask('CHAT_SEND', { text });
      slowest = Math.max(slowest, performance.now() - asked);
      expect(answer.type).toBe('ACK');
    }
    expect(slowest).toBeLessThan(2_000);
    deaf.ws.resume();
    const closed: Closed = await deaf.closed;
    expect([4500, 1006]).toContain(closed.code);
    // Nothing that was acknowledged is lost to somebody who comes back.
    const back = await RawSocket.open(lifted.url, bob, room.roomId);
    expect((await back.ask('SYNC_REQUEST')).type).toMatch(/ACK|SYNC_FULL_STATE/);
  } finally {
    await lifted[Symbol.asyncDispose]();
  }
});

function isReconnecting(frame: Frame, guest: Guest): boolean {
  return (
    names(frame, 'MEMBER_UPDATED', guest) &&
    (frame.payload as { status?: string }).status === 'reconnecting'
  );
}

test.each<[string, Record<string, string>, number, string]>([
  ['a page of another site', { origin: 'https://evil.example' }, 403, 'foreign_origin'],
  ['a page without a site', { origin: 'null' }, 403, 'foreign_origin'],
  ['another host name', { host: 'evil.example' }, 421, 'foreign_host'],
])('%s is refused before the upgrade', async (_what, headers, status, code) => {
  const here = await scene();
  const answer = await rawRequest(`/api/v1/rooms/${here.room.roomId}/ws`, {
    authorization: `Bearer ${here.rude.accessToken}`,
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
  });
  expect(answer).toMatchObject({ status, body: { code } });
});

/** Sends a GET with exactly these headers; `fetch` would not let some of them through. */
async function rawRequest(
  path: string,
  headers: Record<string, string>,
): Promise<{ status: number; body: unknown }> {
  const all = { host: `localhost:${String(server.port)}`, ...headers };
  const socket = connect(server.port, '127.0.0.1');
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  socket.write([`GET ${path} HTTP/1.1`, ...lines, '\r\n'].join('\r\n'));
  let text = '';
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    text += chunk.toString();
    const length = Number(/content-length: (\d+)/i.exec(text)?.[1]);
    if (text.length >= text.indexOf('\r\n\r\n') + 4 + length) break;
  }
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1]);
  const body = text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1);
  return { status, body: JSON.parse(body) as unknown };
}

test.each<[string, string | undefined, string]>([
  ['no token', undefined, 'Missing authentication token'],
  ['a forged token', 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJob3N0In0.', 'Invalid or expired token'],
])('%s is refused', async (_what, token, message) => {
  const asked = call(server.url, 'GET', '/api/v1/rooms', token === undefined ? {} : { token });
  const refused = await asked.catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(Refused);
  expect(refused).toMatchObject({ status: 401, body: { message } });
});

test('an unknown room, a full one and a ban are told after the upgrade', async () => {
  const [ada, bob, eve] = [
    await newGuest(server.url, 'Ada'),
    await newGuest(server.url, 'Bob'),
    await newGuest(server.url, 'Eve'),
  ];
  const nowhere = await RawSocket.open(server.url, ada, 'there-is-no-such-room');
  expect((await nowhere.closed).code).toBe(4004);
  expect(nowhere.frames).toMatchObject([{ type: 'ERROR', code: 'room_not_found' }]);

  const room = await newRoom(server.url, ada, { maxParticipants: 2 });
  const [first, second] = [
    await RawSocket.open(server.url, ada, room.roomId),
    await RawSocket.open(server.url, bob, room.roomId),
  ];
  await first.frame((frame) => names(frame, 'USER_JOINED', bob));
  const third = await RawSocket.open(server.url, eve, room.roomId);
  expect((await third.closed).code).toBe(4005);
  expect(third.frames).toMatchObject([{ type: 'ERROR', code: 'room_full' }]);

  expect((await first.ask('KICK', { userId: bob.id, ban: true })).type).toBe('ACK');
  expect((await second.closed).code).toBe(4003);
  const again = await RawSocket.open(server.url, bob, room.roomId);
  expect((await again.closed).code).toBe(4003);
  expect(again.frames).toMatchObject([{ type: 'ERROR', code: 'banned' }]);
});
