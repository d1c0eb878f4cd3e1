/** Somebody with a remote control and no screen: a member that never reports readiness. */
import WebSocket from 'ws';
import { SDK } from './media.mjs';

/** Makes a room and enters it; resolves once the room's state has arrived. */
export async function openRoom(port) {
  const { ParlorClient } = await import(SDK);
  const client = new ParlorClient({ baseUrl: `http://127.0.0.1:${port}` });
  client.token = (await client.guest('Remote')).accessToken;
  const { roomId } = await client.createRoom({
    name: 'Sync',
    isPublic: false,
    idleTtlSeconds: 600,
  });
  const room = client.room(roomId, { connect: (url) => new WebSocket(url) });
  room.enter();
  await new Promise((resolve) => room.view.subscribe(({ ready }) => ready && resolve()));
  return { roomId, room };
}
