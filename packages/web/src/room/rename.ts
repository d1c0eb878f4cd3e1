import { parlor } from '../account/session.svelte';

/**
 * Lets a room learn the new name of somebody who is in it: a seat takes its person's name from the
 * latest connection, so one is opened for a moment. The member's own connection stays as it is.
 */
export async function announceName(roomId: string): Promise<void> {
  const ticket = encodeURIComponent(await parlor.ticket());
  const origin = parlor.baseUrl.replace(/^http/, 'ws');
  const socket = new WebSocket(`${origin}/api/v1/rooms/${roomId}/ws?authToken=${ticket}`);
  await new Promise<void>((resolve) => {
    socket.addEventListener('message', () => resolve(), { once: true });
    socket.addEventListener('close', () => resolve(), { once: true });
  });
  socket.close(1000);
}
