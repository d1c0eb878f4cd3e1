import { MOST, parseRecent, type RecentRoom } from './recent';

const KEY = 'parlor.recent';

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
