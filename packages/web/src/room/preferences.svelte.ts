import { parsePreferences, type Preferences } from './preferences';

export { OFFSET_MS, PANEL_PX } from './preferences';

const KEY = 'parlor.preferences';

class OwnPreferences {
  #now = $state.raw(parsePreferences(localStorage.getItem(KEY)));

  /** What is set just now. */
  get now(): Preferences {
    return this.#now;
  }

  /** Changes some of it, and remembers. */
  set(part: Partial<Preferences>): void {
    this.#now = { ...this.#now, ...part };
    localStorage.setItem(KEY, JSON.stringify(this.#now));
  }
}

/** This device's preferences. */
export const preferences = new OwnPreferences();
