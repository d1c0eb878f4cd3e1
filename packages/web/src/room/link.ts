import { strings } from '../strings';
import { copyText } from '../ui/copy';
import { toasts } from '../ui/toasts.svelte';

/** The address that invites to a room. */
export function roomLink(roomId: string): string {
  return `${location.origin}/room/${roomId}`;
}

/** Copies a room's address and says so. */
export async function copyRoomLink(roomId: string): Promise<void> {
  const copied = await copyText(roomLink(roomId));
  toasts.tell(copied ? strings.room.linkCopied : strings.room.copyFailed);
}
