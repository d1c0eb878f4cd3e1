import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import {
  Disconnected,
  ParlorError,
  Room,
  type RoomSocketOptions,
  type SocketState,
  type WebSocketLike,
} from '../src/index.ts';
import { chatMessage, RoomServer, roomState } from './room-server.ts';
import { VirtualTime } from './virtual-time.ts';

let server: RoomServer;
let rooms: Room[] = [];

beforeEach(async () => {
  server = await RoomServer.listen();
});

afterEach(() => {
  for (const room of rooms) room.leave();
  rooms = [];
  server.close();
});

function enter(options: Partial<RoomSocketOptions> = {}): Room {
  const room = new Room({
    url: server.url,
    connect: (url) => new WebSocket(url) as unknown as WebSocketLike,
    random: () => 0,
    wake: () => () => {},
    ...options,
  });
  rooms.push(room);
  room.enter();
  return room;
}

/** Resolves with the first state of this phase. */
function state<P extends SocketState['phase']>(
  room: Room,
  phase: P,
): Promise<Extract<SocketState, { phase: P }>> {
  return new Promise((resolve) => {
    const look = (now: SocketState) => {
      if (now.phase === phase) resolve(now as Extract<SocketState, { phase: P }>);
    };
    look(room.socket.state);
    room.socket.onState(look);
  });
}

/** Resolves once the mirror satisfies the condition. */
function mirrored(room: Room, condition: () => boolean): Promise<void> {
  return new Promise((resolve) => room.view.subscribe(() => condition() && resolve()));
}

describe('commands', () => {
  test('resolve with ACK and reject with ERROR, each its own', async () => {
    server.answer = (socket, { type, id }) => {
      if (type === 'KICK') {
        const refusal = { type: 'ERROR', payload: 'Not you', code: 'forbidden', id };
        socket.send(JSON.stringify(refusal));
      }
      if (type === 'QUEUE_NEXT') socket.send(JSON.stringify({ type: 'ACK', id }));
    };
    const room = enter();
    await state(room, 'open');
    const kick = room.socket.command('KICK', { userId: 'bob', ban: false });
    const next = room.socket.command('QUEUE_NEXT', {});
    await expect(kick).rejects.toEqual(new ParlorError('Not you', 'forbidden'));
    await expect(next).resolves.toBeUndefined();
  });

  test('fail at once without a connection, and when it breaks before the answer', async () => {
    const room = enter();
    await expect(room.play()).rejects.toBeInstanceOf(Disconnected);
    await state(room, 'open');
    const play = room.play();
    await server.until(() => server.types('UPDATE_PLAYBACK').length === 1);
    server.socket.terminate();
    await expect(play).rejects.toBeInstanceOf(Disconnected);
  });

  test('of one person in a row do not lose to one another', async () => {
    const room = enter();
    await state(room, 'open');
    const playback = { mediaUrl: '/a', clockId: 'c', rev: 7, holding: null };
    server.tell(roomState({ playbackState: playback }));
    await mirrored(room, () => room.view.snapshot.ready);
    void room.seek(1_000).catch(() => {});
    void room.seek(2_000).catch(() => {});
    await server.until(() => server.types('UPDATE_PLAYBACK').length === 2);
    const revs = server.types('UPDATE_PLAYBACK').map(({ payload }) => payload?.['rev']);
    expect(revs).toEqual([7, undefined]);
  });
});

describe('reconnecting', () => {
  test.each([1012, 4500, 4501, 1006])('happens by itself after %i', async (code) => {
    const room = enter();
    await state(room, 'open');
    const socket = server.socket;
    if (code === 1006) socket.terminate();
    else socket.close(code);
    expect(await state(room, 'waiting')).toMatchObject({ why: { reconnect: true } });
    room.socket.retryNow();
    await server.until(() => server.tickets.length === 2);
  });

  test.each([1000, 1009, 4001, 4003, 4004, 4005])('does not happen after %i', async (code) => {
    const room = enter();
    await state(room, 'open');
    server.tell({ type: 'ERROR', payload: 'Because', code: 'room_full' });
    server.socket.close(code);
    const closed = await state(room, 'closed');
    expect(closed.why.reconnect).toBe(false);
    expect(closed.error).toEqual(new ParlorError('Because', 'room_full'));
    expect(server.tickets.length).toBe(1);
  });

  test('goes on where the stream was left, with a new ticket', async () => {
    let tickets = 0;
    const room = enter({ ticket: () => Promise.resolve({ ticket: `t${++tickets}` }) });
    await state(room, 'open');
    server.tell(roomState({ seq: 4 }));
    server.tell({ type: 'CHAT_MESSAGE', payload: chatMessage(1), seq: 5 });
    await mirrored(room, () => room.view.snapshot.chat.length === 1);
    server.socket.terminate();
    await server.until(() => server.types('RESUME').length === 1);
    expect(server.types('RESUME')[0]?.payload).toEqual({ epoch: 'e1', seq: 5 });
    expect(server.tickets).toEqual(['t1', 't2']);
  });

  test('goes to the origin that its ticket names', async () => {
    const ticket = { ticket: 't', syncUrl: new URL(server.url).origin };
    const elsewhere = 'ws://127.0.0.1:1/api/v1/rooms/r/ws';
    const room = enter({ url: elsewhere, ticket: () => Promise.resolve(ticket) });
    await state(room, 'open');
    expect(server.paths).toEqual(['/api/v1/rooms/r/ws']);
    expect(server.tickets).toEqual(['t']);
  });

  test('a refused ticket ends it', async () => {
    const refusal = new ParlorError('Invalid or expired token', 'invalid_token', 401);
    const room = enter({ ticket: () => Promise.reject(refusal) });
    expect(await state(room, 'closed')).toMatchObject({
      why: { reason: 'login_ended' },
      error: refusal,
    });
  });

  test('waits longer each time, up to 5 s', async () => {
    const time = new VirtualTime();
    const waits: number[] = [];
    const connect = (): WebSocketLike => {
      const connection: WebSocketLike = {
        onopen: null,
        onmessage: null,
        onclose: null,
        onerror: null,
        send: () => {},
        close: () => {},
      };
      time.after(1, () => (connection.onclose as ((e: object) => void) | null)?.({ code: 1006 }));
      return connection;
    };
    const room = enter({ time, connect, random: () => 1 });
    room.socket.onState((now) => now.phase === 'waiting' && waits.push(now.retryInMs));
    await time.pass(60_000);
    expect(waits.slice(0, 7)).toEqual([250, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000]);
  });

  test('a peer that says nothing is given up', async () => {
    const time = new VirtualTime();
    const room = enter({ time });
    const phases: string[] = [];
    room.socket.onState(({ phase }) => phases.push(phase));
    room.clock.stop();
    await state(room, 'open');
    await time.pass(12_000);
    await server.until(() => server.types('CLOCK_PING').length > 0);
    expect(room.socket.state.phase).toBe('open');
    await time.pass(8_000);
    expect(phases).toEqual(['open', 'waiting', 'connecting']);
  });
});

describe('the mirror', () => {
  test('applies each event once and in order, and asks for what it missed', async () => {
    const room = enter();
    await state(room, 'open');
    server.tell(roomState({ seq: 1 }));
    const told = (seq: number) =>
      server.tell({ type: 'CHAT_MESSAGE', payload: chatMessage(seq), seq });
    told(1);
    told(2);
    told(2);
    told(4);
    told(5);
    await server.until(() => server.types('RESUME').length === 1);
    expect(server.types('RESUME')[0]?.payload).toEqual({ epoch: 'e1', seq: 2 });
    told(3);
    told(4);
    told(5);
    server.tell({ type: 'RESUMED', payload: { epoch: 'e1', seq: 5 } });
    told(6);
    await mirrored(room, () => room.view.snapshot.chat.length >= 5);
    expect(room.view.snapshot.chat.map(({ id }) => id)).toEqual(['2', '3', '4', '5', '6']);
    expect(server.types('RESUME').length).toBe(1);
  });

  test('asks for everything when it cannot go on', async () => {
    const room = enter();
    await state(room, 'open');
    server.tell(roomState({ seq: 1 }));
    server.tell({ type: 'RESUMED', payload: { epoch: 'e1', seq: 3 } });
    await server.until(() => server.types('SYNC_REQUEST').length === 2);
  });

  test('does not mix the stream of a server that was started again with the one before', async () => {
    const room = enter();
    await state(room, 'open');
    server.tell(roomState({ seq: 4 }));
    server.tell({ type: 'CHAT_MESSAGE', payload: chatMessage(1), seq: 5 });
    await mirrored(room, () => room.view.snapshot.chat.length === 1);
    server.socket.terminate();
    await server.until(() => server.types('RESUME').length === 1);
    // The new stream has come to the very next number of the old one.
    server.tell({ type: 'HOST_CHANGED', payload: { newHostId: 'eve' }, seq: 6 });
    server.tell(roomState({ epoch: 'e2', seq: 6, hostId: 'bob' }));
    server.tell({ type: 'CHAT_MESSAGE', payload: chatMessage(2), seq: 7 });
    await mirrored(room, () => room.view.snapshot.chat.some(({ id }) => id === '2'));
    expect(room.view.snapshot.hostId).toBe('bob');
  });

  test('keeps what is told while it waits for what it missed', async () => {
    const room = enter();
    await state(room, 'open');
    server.tell(roomState({ seq: 4 }));
    await mirrored(room, () => room.view.snapshot.ready);
    server.socket.terminate();
    await server.until(() => server.types('RESUME').length === 1);
    server.tell({ type: 'CHAT_MESSAGE', payload: chatMessage(6), seq: 6 });
    server.tell({ type: 'CHAT_MESSAGE', payload: chatMessage(5), seq: 5 });
    server.tell({ type: 'RESUMED', payload: { epoch: 'e1', seq: 6 } });
    await mirrored(room, () => room.view.snapshot.chat.length === 2);
    expect(room.view.snapshot.chat.map(({ id }) => id)).toEqual(['5', '6']);
  });

  test('shows an edited message where it was, and a deleted one without its text', async () => {
    const room = enter();
    await state(room, 'open');
    server.tell(roomState({ seq: 1, chat: [chatMessage(1), chatMessage(2), chatMessage(3)] }));
    const edited = { ...chatMessage(2), text: 'two', editedAt: '2026-11-20T08:01:00.000Z' };
    const deletedAt = '2026-11-20T08:02:00.000Z';
    server.tell({ type: 'CHAT_EDITED', payload: edited, seq: 2 });
    server.tell({ type: 'CHAT_DELETED', payload: { id: '1', userId: 'eve', deletedAt }, seq: 3 });
    server.tell({ type: 'CHAT_DELETED', payload: { id: '99', userId: 'eve', deletedAt }, seq: 4 });
    await mirrored(room, () => room.view.snapshot.chat[0]?.deletedAt === deletedAt);
    const gone = { ...chatMessage(1), text: '', deletedAt };
    expect(room.view.snapshot.chat).toEqual([gone, edited, chatMessage(3)]);
  });

  test('forgets what is older than the page when something was missed', async () => {
    const room = enter();
    await state(room, 'open');
    server.tell(roomState({ seq: 1, chat: [chatMessage(1), chatMessage(2)] }));
    server.tell(roomState({ seq: 1, chat: [chatMessage(2)] }));
    server.tell({ type: 'CHAT_MESSAGE', payload: chatMessage(3), seq: 2 });
    await mirrored(room, () => room.view.snapshot.chat.length === 3);
    server.tell(roomState({ seq: 9, chat: [chatMessage(2), chatMessage(3)] }));
    await mirrored(room, () => room.view.snapshot.chat.length === 2);
    expect(room.view.snapshot.chat.map(({ id }) => id)).toEqual(['2', '3']);
  });

  test('never changes a snapshot it gave away', async () => {
    const room = enter();
    await state(room, 'open');
    server.tell(roomState({ seq: 1 }));
    await mirrored(room, () => room.view.snapshot.ready);
    const before = room.view.snapshot;
    const copy = structuredClone(before);
    const member = { userId: 'bob', displayName: 'Bob' };
    const payload = { userId: 'bob', memberCount: 1, member };
    server.tell({ type: 'USER_JOINED', payload, seq: 2 });
    await mirrored(room, () => room.view.snapshot.members.length === 1);
    expect(before).toEqual(copy);
  });
});

describe('what is said', () => {
  test('says whom it answers and speaks to, and can be changed and taken back', async () => {
    const room = enter();
    await state(room, 'open');
    server.answer = (socket, { id }) => socket.send(JSON.stringify({ type: 'ACK', id }));
    await room.say('@Bob look', { replyTo: '3', mentions: ['bob'] });
    await room.edit('4', 'look');
    await room.edit('4', '@Bob', ['bob']);
    await room.delete('4');
    const payloads = (type: string) => server.types(type).map(({ payload }) => payload);
    const clientId = expect.any(String) as string;
    expect(payloads('CHAT_SEND')).toEqual([
      { clientId, text: '@Bob look', replyTo: '3', mentions: ['bob'] },
    ]);
    expect(payloads('CHAT_EDIT')).toEqual([
      { id: '4', text: 'look' },
      { id: '4', text: '@Bob', mentions: ['bob'] },
    ]);
    expect(payloads('CHAT_DELETE')).toEqual([{ id: '4' }]);
  });
});

describe('the outbox', () => {
  test('sends again what was not confirmed, under the same key', async () => {
    const room = enter();
    await state(room, 'open');
    const said = room.say('hello');
    await server.until(() => server.types('CHAT_SEND').length === 1);
    server.socket.terminate();
    server.answer = (socket, { type, id }) => {
      if (type === 'CHAT_SEND') socket.send(JSON.stringify({ type: 'ACK', id }));
    };
    await said;
    const keys = server.types('CHAT_SEND').map(({ payload }) => payload?.['clientId']);
    expect(keys.length).toBe(2);
    expect(new Set(keys).size).toBe(1);
    expect(room.outbox.waiting).toEqual([]);
  });

  test('keeps what is said without a connection', async () => {
    const room = enter();
    const said = room.say('early');
    server.answer = (socket, { type, id }) => {
      if (type === 'CHAT_SEND') socket.send(JSON.stringify({ type: 'ACK', id }));
    };
    await said;
    expect(server.types('CHAT_SEND').length).toBe(1);
  });

  test('takes the message in the stream for the answer that was lost', async () => {
    const room = enter();
    await state(room, 'open');
    server.tell(roomState({ seq: 1 }));
    const said = room.say('hello');
    await server.until(() => server.types('CHAT_SEND').length === 1);
    const clientId = server.types('CHAT_SEND')[0]?.payload?.['clientId'] as string;
    server.tell({ type: 'CHAT_MESSAGE', payload: chatMessage(9, clientId), seq: 2 });
    await said;
  });

  test('tells of a refusal that is final', async () => {
    server.answer = (socket, { type, id }) => {
      const refusal = { type: 'ERROR', payload: 'Too long', code: 'invalid', id };
      if (type === 'CHAT_SEND') socket.send(JSON.stringify(refusal));
    };
    const room = enter();
    await expect(room.say('x')).rejects.toEqual(new ParlorError('Too long', 'invalid'));
    expect(room.outbox.waiting).toEqual([]);
  });
});
