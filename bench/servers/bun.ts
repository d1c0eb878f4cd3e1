// A room server on Bun's own publish: whatever a member says goes to all members of its room.
// Started as `bun bun.ts PORT`; the room is the path of the upgrade.
const port = Number(process.argv[2]);

const server = Bun.serve<{ room: string }, never>({
  hostname: '127.0.0.1',
  port,
  fetch(request, server) {
    const room = new URL(request.url).pathname;
    if (request.headers.get('upgrade') === 'websocket') {
      return server.upgrade(request, { data: { room } })
        ? undefined
        : new Response('', { status: 400 });
    }
    return new Response('ok');
  },
  websocket: {
    perMessageDeflate: false,
    open(socket) {
      socket.subscribe(socket.data.room);
    },
    message(socket, message) {
      server.publish(socket.data.room, message);
    },
    close(socket) {
      socket.unsubscribe(socket.data.room);
    },
  },
});
