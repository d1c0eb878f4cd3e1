import type { DirectMessage } from '@parlor/sdk';
import { parlor } from '../account/session.svelte';
import { reasonOf } from '../text/reason';

/** Messages the server gives at once. */
const PAGE = 50;

/** What was said with one person, as far as it is known here. */
export class Thread {
  /** What the person shows as their name; empty while that is not known. */
  name = $state('');
  conversationId = $state<number | null>(null);
  /** Oldest first. */
  messages = $state.raw<readonly DirectMessage[]>([]);
  state = $state<'loading' | 'ready' | 'failed'>('loading');
  older = $state<'more' | 'loading' | 'none'>('none');
  problem = $state('');

  /** `isKnown` says whether anything may have been said with the person. */
  constructor(
    readonly who: string,
    readonly isKnown: () => Promise<boolean>,
  ) {}

  /** Reads the latest page; what is known already stays. */
  async load(): Promise<void> {
    try {
      if (!(await this.isKnown())) return await this.#begin();
      const page = await parlor.directMessages(this.who);
      this.name = page.otherUser.fullName;
      this.conversationId = page.conversationId;
      if (this.state !== 'ready') this.older = page.messages.length < PAGE ? 'none' : 'more';
      this.state = 'ready';
      this.add(page.messages);
    } catch (error) {
      if (isUnknown(error)) return this.#begin();
      this.problem = reasonOf(error);
      if (this.state !== 'ready') this.state = 'failed';
    }
  }

  /** Reads the page before the oldest that is known. */
  async loadOlder(): Promise<void> {
    const oldest = this.messages[0];
    if (this.older !== 'more' || !oldest) return;
    this.older = 'loading';
    try {
      const page = await parlor.directMessages(this.who, oldest.id);
      this.add(page.messages);
      this.older = page.messages.length < PAGE ? 'none' : 'more';
    } catch {
      this.older = 'more';
    }
  }

  /** Takes messages in, each once and in its place. */
  add(messages: readonly DirectMessage[]): void {
    const isNew = ({ id }: DirectMessage) => !messages.some((message) => message.id === id);
    const others = this.messages.filter(isNew);
    this.messages = [...others, ...messages].sort((a, b) => a.id - b.id);
  }

  /**
   * Notes that messages were read. Returns how many of them are known here, and how many of the other's
   * were not read before.
   */
  read(ids: ReadonlySet<number>, readAt: string): { known: number; fresh: number } {
    const known = this.messages.filter((message) => ids.has(message.id));
    const fresh = known.filter((message) => !message.isRead);
    if (fresh.length > 0) {
      this.messages = this.messages.map((message) =>
        ids.has(message.id) && !message.isRead ? { ...message, isRead: true, readAt } : message,
      );
    }
    return { known: known.length, fresh: fresh.filter((message) => !message.isMine).length };
  }

  /** Returns which of the other's messages are not read. */
  unread(): number[] {
    return this.messages.filter((it) => !it.isMine && !it.isRead).map((it) => it.id);
  }

  /** Forgets everything: the conversation was deleted. */
  clear(): void {
    this.messages = [];
    this.conversationId = null;
    this.older = 'none';
  }

  /** Nothing was said yet: all there is to show is a name. */
  async #begin(): Promise<void> {
    this.name = await nameOf(this.who);
    this.state = 'ready';
  }
}

/** Asks what somebody is called with whom nothing was said yet. */
async function nameOf(who: string): Promise<string> {
  return parlor.user(who).then(
    (profile) => profile.displayName,
    () => '',
  );
}

/** Whether nothing was ever said with this person. */
function isUnknown(error: unknown): boolean {
  return error instanceof Error && 'status' in error && error.status === 404;
}
