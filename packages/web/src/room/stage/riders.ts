import type { Member, Telemetry } from '@parlor/sdk';

/** Somebody who is elsewhere in the film. */
export interface Rider {
  userId: string;
  name: string;
  positionMs: number;
}

/** Who differs by more than this, ms, rides the seek bar. */
const APART_MS = 1_000;

/** More faces than this on a seek bar hide it; the furthest are shown. */
const MOST = 12;

/** Finds the others who are more than a second away from the room, and where they are. */
export function ridersOf(
  members: readonly Member[],
  sync: ReadonlyMap<string, Telemetry>,
  roomMs: number,
  me: string,
): Rider[] {
  const apart = (userId: string) => sync.get(userId)?.errorNowMs ?? 0;
  return members
    .filter(({ userId }) => userId !== me && Math.abs(apart(userId)) > APART_MS)
    .sort((a, b) => Math.abs(apart(b.userId)) - Math.abs(apart(a.userId)))
    .slice(0, MOST)
    .map(({ userId, displayName }) => ({
      userId,
      name: displayName,
      positionMs: Math.max(0, roomMs - apart(userId)),
    }));
}
