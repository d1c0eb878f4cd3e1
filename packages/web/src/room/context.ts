import { getContext, setContext } from 'svelte';
import type { RoomModel } from './room.svelte';
import type { RoomUi } from './ui.svelte';

const ROOM = Symbol('room');
const UI = Symbol('room ui');

/** Gives the room and its page's state to everything below. */
export function provideRoom(room: RoomModel, ui: RoomUi): void {
  setContext(ROOM, room);
  setContext(UI, ui);
}

/** The room this component is in. */
export function useRoom(): RoomModel {
  return getContext<RoomModel>(ROOM);
}

/** What is open, shown or faded on the room's page. */
export function useRoomUi(): RoomUi {
  return getContext<RoomUi>(UI);
}
