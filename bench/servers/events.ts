// A room server of server-sent events on Bun: whatever is said by a WebSocket of a room goes to all
// streams of the room. Started as `bun events.ts PORT`; the room is the path.
const port = Number(process.argv[2]);

interface Stream {
  write(text: string): unknown;
  flush(): unknown;
}

const rooms = new Map<string, Set<Stream>>();

function streamsOf(room: string): Set<Stream> {
  const streams = rooms.get(room) ?? new Set();
  rooms.set(room, streams);
  return streams;
}

function open(room: string, request: Request): Response {
  const streams = streamsOf(room);
  const body = new ReadableStream({
    type: 'direct',
    async pull(stream: Stream) {
      streams.add(stream);
      stream.write(': open\n\n');
      stream.flush();
      // The stream lasts until its reader goes.
      await new Promise((gone) => request.signal.addEventListener('abort', gone));
      streams.delete(stream);
    },
  } as unknown as UnderlyingSource);
  return new Response(body, {
    headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' },
  });
}

Bun.serve<{ room: string }, never>({
  hostname: '127.0.0.1',
  port,
  idleTimeout: 0,
  fetch(request, server) {
    const room = new URL(request.url).pathname;
    if (request.headers.get('upgrade') === 'websocket') {
      return server.upgrade(request, { data: { room } })
        ? undefined
        : new Response('', { status: 400 });
    }
    if (request.headers.get('accept') === 'text/event-stream') return open(room, request);
    return new Response('ok');
  },
  websocket: {
    perMessageDeflate: false,
    message(socket, message) {
      const event = `data: ${String(message)}\n\n`;
      for (const stream of streamsOf(socket.data.room)) {
        stream.write(event);
        stream.flush();
      }
    },
  },
});
