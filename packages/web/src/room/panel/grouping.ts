import type { ChatMessage } from '@parlor/sdk';
import { formatDay } from '../../text/time';

/** Messages of one author that belong together. */
export interface Group {
  key: string;
  userId: string;
  displayName: string;
  sentAt: string;
  messages: ChatMessage[];
  /** The day, where a new one begins. */
  day?: string;
}

/** After a pause longer than this, ms, the author's name stands there again. */
const PAUSE_MS = 5 * 60_000;

/** Puts together what one author said in one go, and marks where a day begins. */
export function groupMessages(chat: readonly ChatMessage[], nowMs: number): Group[] {
  const groups: Group[] = [];
  for (const message of chat) {
    const last = groups.at(-1);
    if (last && continues(last, message)) {
      last.messages.push(message);
      continue;
    }
    const day = formatDay(message.sentAt, nowMs);
    const before = last?.messages.at(-1);
    const newDay = before ? formatDay(before.sentAt, nowMs) !== day : day !== 'Today';
    const { id, userId, displayName, sentAt } = message;
    const group = { key: id, userId, displayName, sentAt, messages: [message] };
    groups.push(newDay ? { ...group, day } : group);
  }
  return groups;
}

function continues(group: Group, message: ChatMessage): boolean {
  const before = group.messages.at(-1);
  if (!before || message.userId !== group.userId) return false;
  const [then, now] = [new Date(before.sentAt), new Date(message.sentAt)];
  return now.getTime() - then.getTime() < PAUSE_MS && now.toDateString() === then.toDateString();
}
