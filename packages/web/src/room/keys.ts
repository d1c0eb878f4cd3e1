import type { RoomModel } from './room.svelte';
import { copyRoomLink } from './link';
import type { RoomUi } from './ui.svelte';

const STEP_MS = 5_000;
const LEAP_MS = 10_000;
const LOUDER = 0.05;

function typing(target: EventTarget | null): boolean {
  return (
    target instanceof Element &&
    target.closest('input, textarea, select, [contenteditable], [role="menu"], [role="dialog"]') !==
      null
  );
}

/** Space and arrows belong to the control that has the focus. */
function ownsKey(target: EventTarget | null, key: string): boolean {
  if (!(target instanceof Element)) return false;
  const pressed = key === ' ' || key === 'Enter';
  if (pressed) return target.closest('button, a, [role="button"], [role="tab"]') !== null;
  const arrow = key.startsWith('Arrow');
  return (
    arrow &&
    target.closest('[role="separator"], [role="tab"], [role="log"], media-volume-range') !== null
  );
}

function turn(ui: RoomUi, by: number): void {
  if (!ui.media) return;
  ui.media.muted = false;
  ui.media.volume = Math.min(1, Math.max(0, Math.round((ui.media.volume + by) * 100) / 100));
}

function toggleFullscreen(): void {
  if (document.fullscreenElement) void document.exitFullscreen();
  else void document.documentElement.requestFullscreen();
}

/** Carries out the room's keyboard map. */
export function pressKey(event: KeyboardEvent, room: RoomModel, ui: RoomUi): void {
  const changed = event.ctrlKey || event.metaKey || event.altKey;
  if (changed || event.defaultPrevented || typing(event.target) || ui.dialog !== null) return;
  if (ownsKey(event.target, event.key)) return;
  const action = actionOf(event.key, room, ui);
  if (!action) return;
  event.preventDefault();
  event.stopPropagation();
  action();
}

function actionOf(key: string, room: RoomModel, ui: RoomUi): (() => void) | undefined {
  const on = room.now.playback?.mediaUrl != null;
  const remote = (act: () => void) => (on && room.controls ? act : undefined);
  const by = (ms: number) => remote(() => room.seek(room.positionMs() + ms));
  switch (key.toLowerCase()) {
    case ' ':
    case 'k':
      return remote(() => room.toggle());
    case 'arrowleft':
      return by(-STEP_MS);
    case 'arrowright':
      return by(STEP_MS);
    case 'j':
      return by(-LEAP_MS);
    case 'l':
      return by(LEAP_MS);
    case 'arrowup':
      return on ? () => turn(ui, LOUDER) : undefined;
    case 'arrowdown':
      return on ? () => turn(ui, -LOUDER) : undefined;
    case 'm':
      return () => {
        if (ui.media) ui.media.muted = !ui.media.muted;
      };
    case 'f':
      return toggleFullscreen;
    case 'c':
      return () => ui.write('chat');
    case '/':
      return () => ui.write('queue');
    case 'h':
      return () => ui.togglePanel();
    case 'i':
      return () => void copyRoomLink(room.roomId);
    case '?':
      return () => (ui.dialog = 'keys');
    default:
      return undefined;
  }
}
