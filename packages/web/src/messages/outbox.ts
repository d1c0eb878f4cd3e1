import { ParlorError } from '@parlor/sdk';

/** A message that is on its way. */
export interface Outgoing {
  /** Its name: however often it is sent, it is stored once. */
  readonly id: string;
  readonly to: string;
  readonly text: string;
  /** When it was written, ISO-8601. */
  readonly writtenAt: string;
  /** Why it was refused; absent while it is on its way. */
  readonly refused?: string;
}

/** Refusals that say "not now" rather than "no". */
const LATER = new Set(['busy', 'unavailable', 'rate_limited', 'internal', 'timeout']);
/** The pause before something is tried again, ms: at first, and at most. */
const RETRY_MS = { first: 1_000, most: 30_000 };

/** What an outbox needs of the world. */
export interface OutboxWorld {
  /** Sends; rejects with `ParlorError` if refused. */
  send(message: Outgoing): Promise<void>;
  /** Shows what waits. */
  show(waiting: readonly Outgoing[]): void;
  storage: Storage;
  /** Calls back after so many ms. */
  later(run: () => void, ms: number): void;
}

/**
 * Sends messages one after the other, in the order they were written, and again until the server has
 * said yes or no. What waits survives a reload; other tabs of the same person keep theirs beside it.
 */
export class DirectOutbox {
  readonly #key: string;
  readonly #world: OutboxWorld;
  #waiting: Outgoing[];
  #busy = false;
  #stopped = false;
  #pauseMs = RETRY_MS.first;

  constructor(me: string, world: OutboxWorld) {
    this.#key = `parlor.outbox.${me}`;
    this.#world = world;
    this.#waiting = this.#read();
    world.show(this.#waiting);
  }

  /** Puts a message behind those that wait. */
  add(message: Outgoing): void {
    this.#change((waiting) => [...waiting, message]);
    void this.flush();
  }

  /** Sends a refused one once more. */
  again(id: string): void {
    this.#change((waiting) =>
      waiting.map(({ refused, ...message }) =>
        message.id === id || refused === undefined ? message : { ...message, refused },
      ),
    );
    void this.flush();
  }

  /** Gives a message up. */
  drop(id: string): void {
    this.#change((waiting) => waiting.filter((message) => message.id !== id));
  }

  /** Sends what waits, and what tabs left behind that are gone. */
  async takeUp(): Promise<void> {
    const isOurs = ({ id }: Outgoing) => this.#waiting.some((message) => message.id === id);
    const left = this.#read().filter((kept) => kept.refused === undefined && !isOurs(kept));
    this.#waiting = [...this.#waiting, ...left];
    this.#show();
    await this.flush();
  }

  /** Sends and shows nothing any more; what waits is kept. */
  stop(): void {
    this.#stopped = true;
  }

  /** Sends what waits. Call it when the connection is back. */
  async flush(): Promise<void> {
    if (this.#busy || this.#stopped) return;
    this.#busy = true;
    try {
      for (let next = this.#next(); next && !this.#stopped; next = this.#next()) {
        if (!(await this.#try(next))) return;
      }
    } finally {
      this.#busy = false;
    }
  }

  #next(): Outgoing | undefined {
    return this.#waiting.find((message) => message.refused === undefined);
  }

  /** Tries one; says whether the next may be tried at once. */
  async #try(message: Outgoing): Promise<boolean> {
    try {
      await this.#world.send(message);
      this.#pauseMs = RETRY_MS.first;
      this.drop(message.id);
      return true;
    } catch (error) {
      if (this.#stopped) return false;
      if (error instanceof ParlorError && !LATER.has(error.code)) {
        const refused = error.message;
        this.#change((waiting) =>
          waiting.map((it) => (it.id === message.id ? { ...it, refused } : it)),
        );
        return true;
      }
      this.#world.later(() => void this.flush(), this.#pauseMs);
      this.#pauseMs = Math.min(this.#pauseMs * 2, RETRY_MS.most);
      return false;
    }
  }

  /** Changes what waits here, and the same of what is kept for all tabs. */
  #change(change: (waiting: Outgoing[]) => Outgoing[]): void {
    this.#waiting = change(this.#waiting);
    try {
      this.#world.storage.setItem(this.#key, JSON.stringify(change(this.#read())));
    } catch {
      // Without storage what waits does not survive a reload; it is sent all the same.
    }
    this.#show();
  }

  #show(): void {
    if (!this.#stopped) this.#world.show(this.#waiting);
  }

  #read(): Outgoing[] {
    try {
      const kept: unknown = JSON.parse(this.#world.storage.getItem(this.#key) ?? '[]');
      return Array.isArray(kept) ? (kept as Outgoing[]) : [];
    } catch {
      return [];
    }
  }
}
