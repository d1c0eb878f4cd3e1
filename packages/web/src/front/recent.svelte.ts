/** A room somebody was in, remembered on this device. */
export interface RecentRoom {
  roomId: string;
  name: string;
  /** When they were last there, epoch ms. */
  atMs: number;
}

const KEY = 'parlor.recent';
const MOST = 6;

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

class RecentRooms {
  /** Latest first. */
  list = $state.raw<readonly RecentRoom[]>(parseRecent(localStorage.getItem(KEY)));

  /** Remembers that somebody is in a room. */
  visit(room: RecentRoom): void {
    this.#keep([room, ...this.list.filter((other) => other.roomId !== room.roomId)]);
  }

  /** Forgets a room. */
  forget(roomId: string): void {
    this.#keep(this.list.filter((other) => other.roomId !== roomId));
  }

  #keep(list: readonly RecentRoom[]): void {
    this.list = list.slice(0, MOST);
    localStorage.setItem(KEY, JSON.stringify(this.list));
  }
}

/** The rooms this device was in lately. */
export const recentRooms = new RecentRooms();
