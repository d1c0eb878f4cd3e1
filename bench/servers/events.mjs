// A room server of server-sent events on Node: whatever is said by a WebSocket of a room goes to all
// streams of the room. Started as `node events.mjs PORT`; the room is the path.
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

const rooms = new Map();

function streamsOf(name) {
  const streams = rooms.get(name) ?? new Set();
  rooms.set(name, streams);
  return streams;
}

const http = createServer((request, response) => {
  if (request.headers.accept !== 'text/event-stream') {
    response.end('ok');
    return;
  }
  const streams = streamsOf(request.url);
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  response.flushHeaders();
  streams.add(response);
  response.on('close', () => streams.delete(response));
});

const sockets = new WebSocketServer({ server: http, perMessageDeflate: false });
sockets.on('connection', (socket, request) => {
  const streams = streamsOf(request.url);
  socket.on('message', (data) => {
    const event = `data: ${data}\n\n`;
    for (const stream of streams) stream.write(event);
  });
});

http.listen({ host: '127.0.0.1', port: Number(process.argv[2]), backlog: 4096 });
