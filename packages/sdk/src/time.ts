/** A timer that was set. */
export type Timer = unknown;

/** Where time comes from: the browser's, or a test's. */
export interface Time {
  /** Monotonic milliseconds; only differences mean something. */
  now(): number;
  /** Calls `task` once, `delayMs` from now. */
  after(delayMs: number, task: () => void): Timer;
  /** Takes a timer back; one that has fired is ignored. */
  cancel(timer: Timer): void;
}

/** The clock and timers of the browser or of Node. */
export const systemTime: Time = {
  now: () => performance.now(),
  after: (delayMs, task) => setTimeout(task, delayMs),
  cancel: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
};
