/** How long a deletion can be undone, ms. Nobody else sees it before. */
export const UNDO_MS = 5_000;

/** Messages that are being deleted: gone here, and told to the server when it is too late to undo. */
export class TakenBack {
  /** Their ids. */
  ids = $state.raw<readonly string[]>([]);
  #waiting: readonly { id: string; timer: ReturnType<typeof setTimeout> }[] = [];
  readonly #send: (id: string) => Promise<boolean>;

  /** `send` deletes a message for good, and says whether that went well. */
  constructor(send: (id: string) => Promise<boolean>) {
    this.#send = send;
  }

  /** Takes a message back, in a while. */
  add(id: string): void {
    if (this.ids.includes(id)) return;
    this.ids = [...this.ids, id];
    const timer = setTimeout(() => void this.#carryOut(id), UNDO_MS);
    this.#waiting = [...this.#waiting, { id, timer }];
  }

  /** Leaves a message where it is after all, if it is not too late. */
  undo(id: string): void {
    if (this.#stop(id)) this.#show(id);
  }

  /** Deletes at once what waits: whoever leaves does not undo any more. */
  flush(): void {
    for (const { id } of this.#waiting) void this.#carryOut(id);
  }

  async #carryOut(id: string): Promise<void> {
    this.#stop(id);
    await this.#send(id);
    // Deleted, or back where it was: either way the room says so from here on.
    this.#show(id);
  }

  /** Stops waiting for the end of a message's time; says whether anybody did. */
  #stop(id: string): boolean {
    const one = this.#waiting.find((other) => other.id === id);
    if (!one) return false;
    clearTimeout(one.timer);
    this.#waiting = this.#waiting.filter((other) => other.id !== id);
    return true;
  }

  #show(id: string): void {
    this.ids = this.ids.filter((other) => other !== id);
  }
}
