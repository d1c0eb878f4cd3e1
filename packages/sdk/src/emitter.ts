/** Stops what was subscribed to. */
export type Unsubscribe = () => void;

/** A list of listeners per kind of event, called in the order they came. */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(value: never) => void>>();

  /** Calls `listener` with each event of this kind until the returned function is called. */
  on<K extends keyof Events>(kind: K, listener: (value: Events[K]) => void): Unsubscribe {
    const listeners = this.#listeners.get(kind) ?? new Set();
    this.#listeners.set(kind, listeners);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** Calls every listener of this kind. */
  emit<K extends keyof Events>(kind: K, value: Events[K]): void {
    for (const listener of [...(this.#listeners.get(kind) ?? [])]) {
      (listener as (value: Events[K]) => void)(value);
    }
  }
}
