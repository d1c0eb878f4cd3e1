import type { RoomModel } from './room.svelte';
import type { RoomUi } from './ui.svelte';

/** What the measurement of synchrony reads from a page opened with `?judge`. */
export interface Judged {
  /** The media element that plays. */
  readonly media: HTMLMediaElement | null;
  /** What the controller is doing, and its error in ms. */
  readonly sync: RoomModel['player'];
  /** Where the room is, ms. */
  readonly positionMs: number;
  /** Server clock as seen from here, ms. */
  readonly serverMs: number | null;
}

/** Puts the judge's view of a room on `window.__parlor`; returns how to take it away again. */
export function exposeForJudge(room: RoomModel, ui: RoomUi): () => void {
  const judged: Judged = {
    get media() {
      return ui.media;
    },
    get sync() {
      return room.player;
    },
    get positionMs() {
      return room.positionMs();
    },
    get serverMs() {
      return room.serverMs();
    },
  };
  Object.defineProperty(window, '__parlor', { value: judged, configurable: true });
  return () => Reflect.deleteProperty(window, '__parlor');
}
