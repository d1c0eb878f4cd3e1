import type { DirectMessage } from '@parlor/sdk';

/** Messages of one of the two that belong together. */
export interface Bundle {
  key: number;
  isMine: boolean;
  messages: DirectMessage[];
  /** The day, where a new one begins. */
  day?: string;
}

/** After a pause longer than this, ms, the time stands there again. */
const PAUSE_MS = 5 * 60_000;

/** Puts together what one of the two said in one go, and marks where a day begins. */
export function bundle(
  messages: readonly DirectMessage[],
  dayOf: (iso: string) => string,
): Bundle[] {
  const bundles: Bundle[] = [];
  let dayBefore = '';
  for (const message of messages) {
    const day = dayOf(message.createdAt);
    const last = bundles.at(-1);
    const before = last?.messages.at(-1);
    const pauseMs = before ? Date.parse(message.createdAt) - Date.parse(before.createdAt) : 0;
    if (last && last.isMine === message.isMine && day === dayBefore && pauseMs < PAUSE_MS) {
      last.messages.push(message);
      continue;
    }
    const next = { key: message.id, isMine: message.isMine, messages: [message] };
    bundles.push(day === dayBefore ? next : { ...next, day });
    dayBefore = day;
  }
  return bundles;
}
