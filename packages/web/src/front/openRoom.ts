import { parlor, session } from '../account/session.svelte';
import { typeOf } from '../text/media';

/** The film that every Parlor brings along. */
export const SAMPLE = '/sample/parlor-sample.mp4';

/** Longest name of a room, in characters. */
const NAME_CHARS = 100;

/** Opens a room whose messages vanish, as a guest if nobody is signed in; returns its id. */
export async function openVanishingRoom(): Promise<string> {
  const me = await session.ensure();
  const name = `${me.displayName}’s room`.slice(-NAME_CHARS);
  return (await parlor.createVanishingRoom({ name })).roomId;
}

/** Opens a room with a medium or without, as a guest if nobody is signed in; returns its id. */
export async function openRoom(mediaUrl: string | undefined): Promise<string> {
  const me = await session.ensure();
  const mediaType = mediaUrl === undefined ? undefined : typeOf(mediaUrl);
  const room = await parlor.createRoom({
    name: `${me.displayName}’s room`.slice(-NAME_CHARS),
    isPublic: false,
    idleTtlSeconds: 0,
    ...(mediaUrl === undefined ? {} : { mediaUrl }),
    ...(mediaType === undefined ? {} : { mediaType }),
  });
  return room.roomId;
}
