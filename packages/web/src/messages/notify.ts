import { navigation } from '../navigation.svelte';
import { strings } from '../strings';
import { toasts } from '../ui/toasts.svelte';

/** Longest text of a notification; the rest is in the conversation. */
const MOST_CHARS = 140;

/** Says that somebody wrote: in the page if it is seen, by the browser if it is not and may. */
export function notify(who: string, name: string, text: string): void {
  const shown = name || strings.messages.somebody;
  const short = text.length > MOST_CHARS ? `${text.slice(0, MOST_CHARS - 1)}…` : text;
  if (document.hidden && mayNotify() === 'granted') {
    const notification = new Notification(shown, { body: short, tag: `direct-${who}` });
    notification.onclick = () => {
      window.focus();
      navigation.go(addressOf(who));
      notification.close();
    };
    return;
  }
  const action = { label: strings.messages.show, run: () => navigation.go(addressOf(who)) };
  toasts.tell(strings.messages.wrote(shown, short), {
    person: { userId: who, name: shown },
    about: 'message',
    action,
  });
}

/** Whether the browser may notify: `unsupported` where it cannot. */
export function mayNotify(): NotificationPermission | 'unsupported' {
  return 'Notification' in window ? Notification.permission : 'unsupported';
}

/** Where the conversation with somebody is. */
export function addressOf(who: string): string {
  return `/messages/${encodeURIComponent(who)}`;
}
