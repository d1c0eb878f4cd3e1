import type { Time } from '../src/index.ts';

interface Task {
  at: number;
  order: number;
  run: () => void;
}

/** Time that passes only when it is told to, with promises settled between its steps. */
export class VirtualTime implements Time {
  #now = 0;
  #order = 0;
  #tasks = new Set<Task>();

  now(): number {
    return this.#now;
  }

  after(delayMs: number, run: () => void): Task {
    const task = { at: this.#now + Math.max(0, delayMs), order: this.#order++, run };
    this.#tasks.add(task);
    return task;
  }

  cancel(timer: unknown): void {
    this.#tasks.delete(timer as Task);
  }

  /** Lets this much time pass without running anything, as a page that is held up, ms. */
  hold(ms: number): void {
    this.#now += ms;
  }

  /** Lets this much time pass, ms. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await settled();
      const next = [...this.#tasks]
        .filter((task) => task.at <= end)
        .sort((a, b) => a.at - b.at || a.order - b.order)[0];
      if (!next) break;
      this.#tasks.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = end;
    await settled();
  }
}

/** Lets promises that are already resolved call what waits for them. */
async function settled(): Promise<void> {
  for (let i = 0; i < 8; i++) await Promise.resolve();
}

/** Random numbers from 0 to 1 that are the same each time (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
