import { parseComfort, type Comfort } from './comfort';
import { dates } from './text/time';

const KEY = 'parlor.comfort';

class OwnComfort {
  #now = $state.raw(parseComfort(localStorage.getItem(KEY)));

  /** What holds just now. */
  get now(): Comfort {
    return this.#now;
  }

  constructor() {
    dates.locale = this.#now.language || undefined;
  }

  /** Takes up a choice, and remembers it on this device. */
  take(part: Partial<Comfort>): void {
    this.#now = parseComfort(JSON.stringify({ ...this.#now, ...part }));
    localStorage.setItem(KEY, JSON.stringify(this.#now));
    dates.locale = this.#now.language || undefined;
  }

  /** Has the whole page follow. */
  apply(): void {
    const { motion, contrast, textPercent } = this.#now;
    const root = document.documentElement;
    root.dataset['motion'] = motion;
    root.dataset['contrast'] = contrast;
    root.style.fontSize = textPercent === 100 ? '' : `${String(textPercent)}%`;
  }
}

/** How the person at this device likes to see and hear. */
export const comfort = new OwnComfort();
