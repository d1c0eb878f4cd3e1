import { parlor } from '../account/session.svelte';

/**
 * Lets a room learn the new name of somebody who is in it: a seat takes its person's name from the
 * latest connection, so one is opened for a moment. The member's own connection stays as it is.
 */
export async function announceName(roomId: string): Promise<void> {
  const socket = new WebSocket(await parlor.socketUrl(roomId));
  await new Promise<void>((resolve) => {
    socket.addEventListener('message', () => resolve(), { once: true });
    socket.addEventListener('close', () => resolve(), { once: true });
  });
  socket.close(1000);
}
