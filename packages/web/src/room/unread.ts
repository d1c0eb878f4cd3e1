import type { ChatMessage } from '@parlor/sdk';

/** Returns the number a message has in its room; they grow. */
export function numberOf(message: ChatMessage): number {
  return Number(message.id);
}

/** Returns what others said after a message, and did not take back. */
export function unreadAfter(
  chat: readonly ChatMessage[],
  seen: number,
  me: string,
): readonly ChatMessage[] {
  return chat.filter(
    (message) => numberOf(message) > seen && message.userId !== me && message.deletedAt == null,
  );
}

/** Returns what was said since to a person by name, by others. */
export function callsTo(
  before: readonly ChatMessage[],
  after: readonly ChatMessage[],
  me: string,
): readonly ChatMessage[] {
  const last = before.at(-1);
  const seen = last === undefined ? 0 : numberOf(last);
  return unreadAfter(after, seen, me).filter((message) => message.mentions?.includes(me));
}
