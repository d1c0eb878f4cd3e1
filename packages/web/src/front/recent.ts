/** A room somebody was in, remembered on this device. */
export interface RecentRoom {
  roomId: string;
  name: string;
  /** When they were last there, epoch ms. */
  atMs: number;
}

/** How many rooms are remembered. */
export const MOST = 6;

function isRecent(value: unknown): value is RecentRoom {
  const room = value as Partial<RecentRoom> | null;
  return (
    typeof room?.roomId === 'string' &&
    typeof room.name === 'string' &&
    typeof room.atMs === 'number'
  );
}

/** Reads what is stored; anything that is not a list of rooms counts as nothing. */
export function parseRecent(text: string | null): RecentRoom[] {
  try {
    const stored: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(stored) ? stored.filter(isRecent).slice(0, MOST) : [];
  } catch {
    return [];
  }
}
