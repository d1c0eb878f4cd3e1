/** How long something that must come may take, ms; on a busy machine a moment is longer. */
const PATIENCE_MS = 30_000;

/** An event as it came. */
export interface Told<T = unknown> {
  event: string;
  argument: T;
}

/** What somebody was told: everything, and what of it was not looked at yet. */
export class Inbox {
  /** Everything that came, in order. */
  readonly all: Told[] = [];
  #unread: Told[] = [];
  #waiting: (() => void)[] = [];

  /** Puts an event in. */
  put(event: string, argument: unknown): void {
    this.all.push({ event, argument });
    this.#unread.push({ event, argument });
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  /** Takes the next event of this name, and waits for it. */
  async next<T>(event: string): Promise<T> {
    const until = performance.now() + PATIENCE_MS;
    for (;;) {
      const at = this.#unread.findIndex((told) => told.event === event);
      const [found] = at < 0 ? [] : this.#unread.splice(at, 1);
      if (found !== undefined) return found.argument as T;
      const left = until - performance.now();
      if (left <= 0) {
        throw new Error(`${event} did not come; there were ${JSON.stringify(this.all)}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** Takes events of this name up to the first that fits. */
  async until<T>(event: string, fits: (argument: T) => boolean): Promise<T> {
    for (;;) {
      const argument = await this.next<T>(event);
      if (fits(argument)) return argument;
    }
  }

  /** Lists the events of a name that nobody looked at. */
  unread(event: string): unknown[] {
    return this.#unread.filter((told) => told.event === event).map((told) => told.argument);
  }
}
