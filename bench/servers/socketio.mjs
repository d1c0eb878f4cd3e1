// A server of socket.io: whatever a client says goes to all clients. Runs on Node and on Bun.
// Started as `node socketio.mjs PORT`.
import { createServer } from 'node:http';
import { Server } from 'socket.io';

const http = createServer((_request, response) => response.end('ok'));
const io = new Server(http, { perMessageDeflate: false });

io.on('connection', (socket) => {
  socket.on('broadcast', (...said) => io.emit('broadcast', ...said));
});

http.listen({ host: '127.0.0.1', port: Number(process.argv[2]), backlog: 4096 });
