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
  /** Whether it begins with what was not seen yet. */
  isNew?: boolean;
}

/** After a pause longer than this, ms, the author's name stands there again. */
const PAUSE_MS = 5 * 60_000;

/**
 * Puts together what one author said in one go, and marks where a day begins, and where what is
 * new: with the message `newFrom`.
 */
export function groupMessages(
  chat: readonly ChatMessage[],
  nowMs: number,
  newFrom: string | null = null,
): Group[] {
  const groups: Group[] = [];
  for (const message of chat) {
    const last = groups.at(-1);
    const isNew = message.id === newFrom;
    if (last && !isNew && continues(last, message)) {
      last.messages.push(message);
      continue;
    }
    const day = formatDay(message.sentAt, nowMs);
    const before = last?.messages.at(-1);
    const newDay = before ? formatDay(before.sentAt, nowMs) !== day : day !== 'Today';
    const { id, userId, displayName, sentAt } = message;
    groups.push({
      key: id,
      userId,
      displayName,
      sentAt,
      messages: [message],
      ...(newDay ? { day } : {}),
      ...(isNew ? { isNew } : {}),
    });
  }
  return groups;
}

function continues(group: Group, message: ChatMessage): boolean {
  const before = group.messages.at(-1);
  if (!before || message.userId !== group.userId) return false;
  const [then, now] = [new Date(before.sentAt), new Date(message.sentAt)];
  return now.getTime() - then.getTime() < PAUSE_MS && now.toDateString() === then.toDateString();
}
