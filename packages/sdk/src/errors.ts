/** A refusal by the server: an answer of an HTTP route, or the `ERROR` that answers a command. */
export class ParlorError extends Error {
  override readonly name = 'ParlorError';
  /** The stable reason, such as `room_full`. */
  readonly code: string;
  /** The HTTP status; 0 when it came over a socket. */
  readonly status: number;
  /** Seconds to wait before asking again, if the server named them. */
  readonly retryAfterSeconds: number | undefined;

  constructor(message: string, code: string, status = 0, retryAfterSeconds?: number) {
    super(message);
    this.code = code;
    this.status = status;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The connection was not there, or broke before the server answered: it may have acted or not. */
export class Disconnected extends Error {
  override readonly name = 'Disconnected';

  constructor(message = 'You are not connected to the room just now') {
    super(message);
  }
}
