import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ParlorClient, type ParlorError, type RealtimeStream } from '../src/index.ts';
import { pieces, type Piece } from '../src/realtime/event-stream.ts';
import { said, StreamServer } from './stream-server.ts';

let server: StreamServer;
let stream: RealtimeStream | undefined;

beforeEach(async () => {
  server = await StreamServer.listen();
});

afterEach(() => {
  stream?.close();
  server.close();
});

interface Told {
  texts: string[];
  connected: boolean[];
  gaps: number;
  ended: (ParlorError | null)[];
}

/** Listens, and writes down what is told. */
async function listen(since?: string): Promise<Told> {
  const client = new ParlorClient({ baseUrl: server.url, token: 't' });
  stream = await client.stream('r', { person: 'ada', ...(since !== undefined && { since }) });
  const told: Told = { texts: [], connected: [], gaps: 0, ended: [] };
  stream.on('event', ({ event, data }) => told.texts.push('text' in data ? data.text : event));
  stream.on('connected', (connected) => told.connected.push(connected));
  stream.on('gap', () => (told.gaps += 1));
  stream.on('ended', (why) => told.ended.push(why));
  stream.open();
  await server.came(1);
  return told;
}

describe('a stream', () => {
  it('tells what happens, and says where it stands', async () => {
    const told = await listen();
    expect(server.reader).toMatchObject({ since: null, authorization: 'Bearer t' });
    server.reader.write('id: e-1\n\n');
    await expect.poll(() => stream?.lastId).toBe('e-1');
    server.reader.write(said('e-2', 'one') + 'data: {"type":"ping","timestamp":1}\n\n');
    server.reader.write(said('e-3', 'two'));
    await expect.poll(() => told.texts).toEqual(['one', 'two']);
    expect(stream?.lastId).toBe('e-3');
    expect(told.connected).toEqual([true]);
  });

  it('goes on where it was cut off, though nothing had happened yet, and tells nothing twice', async () => {
    const told = await listen();
    server.reader.write('id: e-1\n\n');
    await expect.poll(() => stream?.lastId).toBe('e-1');
    server.reader.cut();
    await server.came(2);
    expect(server.reader.since).toBe('e-1');
    server.reader.write(said('e-2', 'one'));
    await expect.poll(() => told.texts).toEqual(['one']);
    server.reader.cut();
    await server.came(3);
    expect(server.reader.since).toBe('e-2');
    server.reader.write(said('e-2', 'one') + said('e-3', 'two'));
    await expect.poll(() => told.texts).toEqual(['one', 'two']);
    expect(told.connected).toEqual([true, false, true, false, true]);
  });

  it('goes on from another time', async () => {
    await listen('e-7');
    expect(server.reader.since).toBe('e-7');
  });

  it('says when something was missed', async () => {
    const told = await listen('e-7');
    server.reader.write('data: {"type":"gap","channel":"r"}\n\n' + said('f-1', 'new'));
    await expect.poll(() => told.texts).toEqual(['new']);
    expect(told.gaps).toBe(1);
  });

  it('waits as long as it is told to when it is refused for now', async () => {
    const busy = { code: 'rate_limited', message: 'Not so fast' };
    server.refusals = [{ status: 429, body: busy, retryAfter: '1' }];
    const askedAt = performance.now();
    const told = await listen();
    await server.came(2);
    expect(performance.now() - askedAt).toBeGreaterThan(990);
    await expect.poll(() => told.connected).toEqual([true]);
    expect(told.ended).toEqual([]);
  });

  it('ends when it is refused for good, and says why', async () => {
    server.refusals = [{ status: 403, body: { code: 'room_full', message: 'It is full' } }];
    const told = await listen();
    await expect.poll(() => told.ended).toMatchObject([{ code: 'room_full', status: 403 }]);
    expect(server.readers).toHaveLength(1);
  });

  it('ends with the room', async () => {
    const told = await listen();
    const data = { isDestroyed: true };
    const gone = { id: 'e-2', event: 'chat.destroy', channel: 'r', data };
    server.reader.write(`id: e-2\ndata: ${JSON.stringify(gone)}\n\n`);
    await expect.poll(() => told.ended).toEqual([null]);
    expect(told.texts).toEqual(['chat.destroy']);
    await server.until(() => server.present === 0);
    expect(server.readers).toHaveLength(1);
  });

  it('is closed when nobody wants it any more', async () => {
    const told = await listen();
    await expect.poll(() => told.connected).toEqual([true]);
    stream?.close();
    await server.until(() => server.present === 0);
    expect(told.ended).toEqual([]);
  });
});

describe('an event stream', () => {
  /** Reads what comes in these parts. */
  async function read(...parts: string[]): Promise<Piece[]> {
    const encoder = new TextEncoder();
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const part of parts) controller.enqueue(encoder.encode(part));
        controller.close();
      },
    });
    const read: Piece[] = [];
    for await (const piece of pieces(body)) read.push(piece);
    return read;
  }

  it('is cut at blank lines, wherever its parts break, and whatever ends a line', async () => {
    const whole = 'id: 1\r\ndata: a\r\n\r\ndata:b\rdata: c\r\rid: 2\n\n';
    const expected = [{ id: '1', data: 'a' }, { data: 'b\nc' }, { id: '2' }];
    expect(await read(whole)).toEqual(expected);
    for (let at = 1; at < whole.length; at += 1) {
      expect(await read(whole.slice(0, at), whole.slice(at)), `broken at ${at}`).toEqual(expected);
    }
  });

  it('leaves out what it does not know and what has no end', async () => {
    expect(await read(': a comment\nretry: 5\nevent: x\ndata: a: b\n\ndata: cut')).toEqual([
      { data: 'a: b' },
    ]);
  });
});
