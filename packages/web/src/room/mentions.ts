import type { ChatMessage } from '@parlor/sdk';
import { strings } from '../strings';
import { toasts } from '../ui/toasts.svelte';
import type { RoomModel } from './room.svelte';
import type { RoomUi } from './ui.svelte';

/** Whether the browser can say something while the page is out of sight, and was not asked yet. */
export function canAskToNotify(): boolean {
  return 'Notification' in window && Notification.permission === 'default';
}

/** Asks whether the browser may say that somebody was mentioned. */
export async function askToNotify(): Promise<void> {
  const answer = await Notification.requestPermission();
  if (answer === 'granted') toasts.tell(strings.chat.notifies);
}

/** Tells somebody who does not look at the chat that they were spoken to. */
export function announceMention(message: ChatMessage, room: RoomModel, ui: RoomUi): void {
  if (ui.conversation.looking) return;
  const { userId, displayName, id, text } = message;
  const show = () => {
    ui.show('chat');
    ui.conversation.point(id);
  };
  const said = strings.chat.mentioned(displayName);
  toasts.tell(said, {
    about: 'mention',
    person: { userId, name: displayName },
    action: { label: strings.chat.show, run: show },
  });
  const silent = document.visibilityState === 'visible' || !('Notification' in window);
  if (silent || Notification.permission !== 'granted') return;
  try {
    // One at a time for a room: the latest says enough.
    const notification = new Notification(said, { body: text, tag: room.roomId });
    notification.onclick = () => {
      window.focus();
      notification.close();
      show();
    };
  } catch {
    // Chrome on Android allows this to service workers alone; the page has said it.
  }
}
