/** A sentence that shows itself for a moment. */
export interface Toast {
  key: number;
  text: string;
  /** Whom it is about: shown with their colour. */
  person?: { userId: string; name: string };
  action?: { label: string; run: () => void };
  /** A later sentence about the same matter takes its place. */
  about?: 'people' | 'host' | 'playback' | 'deleted' | 'mention' | 'message';
  /** How long it stands, ms, if not as long as others. */
  standsMs?: number;
}

/** How long a sentence stands, ms; longer when there is something to press. */
const STANDS_MS = 3_200;
const STANDS_WITH_ACTION_MS = 7_000;

/** More than this many at once are noise; the oldest goes. */
const MOST = 3;

class Toasts {
  list = $state.raw<readonly Toast[]>([]);
  #next = 0;

  /** Shows a sentence; screen readers hear it politely. */
  tell(text: string, extra: Omit<Toast, 'key' | 'text'> = {}): void {
    const toast: Toast = { key: this.#next++, text, ...extra };
    const others = this.list.filter(
      (other) => other.text !== text && (!toast.about || other.about !== toast.about),
    );
    this.list = [...others, toast].slice(-MOST);
    const usualMs = extra.action ? STANDS_WITH_ACTION_MS : STANDS_MS;
    setTimeout(() => this.dismiss(toast.key), extra.standsMs ?? usualMs);
  }

  /** Falls silent: what was said is about a place one has left. */
  clear(): void {
    this.list = [];
  }

  /** Takes back what was said about a matter that is settled. */
  retract(about: Toast['about']): void {
    this.list = this.list.filter((toast) => toast.about !== about);
  }

  /** Takes a sentence away before its time. */
  dismiss(key: number): void {
    this.list = this.list.filter((toast) => toast.key !== key);
  }
}

/** What the page is saying just now. */
export const toasts = new Toasts();
