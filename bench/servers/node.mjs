// A room server on the `ws` package: whatever a member says goes to all members of its room.
// Started as `node node.mjs PORT`; the room is the path of the upgrade.
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

const rooms = new Map();
const http = createServer((_request, response) => response.end('ok'));
const sockets = new WebSocketServer({ server: http, perMessageDeflate: false });

sockets.on('connection', (socket, request) => {
  const name = request.url;
  const room = rooms.get(name) ?? new Set();
  rooms.set(name, room);
  room.add(socket);
  socket.on('message', (data) => {
    for (const member of room) member.send(data, { binary: false });
  });
  socket.on('close', () => room.delete(socket));
});

http.listen({ host: '127.0.0.1', port: Number(process.argv[2]), backlog: 4096 });
