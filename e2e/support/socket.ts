import { WebSocket } from 'ws';
import type { Guest } from './api.ts';

/** A frame as it came. */
export interface Frame {
  type: string;
  payload?: unknown;
  id?: string | number;
  seq?: number;
  code?: string;
}

/** How a socket ended. */
export interface Closed {
  code: number;
  reason: string;
}

/**
 * A room's socket with no cleverness at all: what is sent is what goes out, what comes is kept.
 * The product's own client is the SDK; this one exists to misbehave.
 */
export class RawSocket {
  readonly ws: WebSocket;
  /** Everything that came, in order. */
  readonly frames: Frame[] = [];
  /** Resolves with how the socket ended. */
  readonly closed: Promise<Closed>;
  #waiting: (() => void)[] = [];

  private constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on('message', (data: Buffer) => {
      this.frames.push(JSON.parse(data.toString()) as Frame);
      this.#wake();
    });
    this.closed = new Promise((resolve) => {
      ws.on('close', (code, reason) => {
        resolve({ code, reason: reason.toString() });
        this.#wake();
      });
    });
    // A socket that ends in an error also closes, and that is what tests look at.
    ws.on('error', () => {
      this.#wake();
    });
  }

  /** Opens a socket to a room and waits for the upgrade. */
  static async open(url: string, guest: Guest, roomId: string): Promise<RawSocket> {
    const address = `${url.replace(/^http/, 'ws')}/api/v1/rooms/${roomId}/ws`;
    const ws = new WebSocket(address, {
      headers: { authorization: `Bearer ${guest.accessToken}` },
      perMessageDeflate: false,
    });
    const socket = new RawSocket(ws);
    await new Promise<void>((resolve, reject) => {
      ws.once('open', resolve);
      ws.once('error', reject);
      ws.once('unexpected-response', (_request, response) => {
        reject(new Error(`the upgrade was refused with ${String(response.statusCode)}`));
      });
    });
    return socket;
  }

  /** Sends a command. */
  send(type: string, payload?: unknown, id?: string | number): void {
    this.ws.send(JSON.stringify({ type, payload, id }));
  }

  /** Sends a text as it is. */
  sendText(text: string): void {
    this.ws.send(text);
  }

  /** Waits for the first frame, from `from` on, that fits. */
  async frame(fits: (frame: Frame) => boolean, from = 0): Promise<Frame> {
    for (let at = from; ; at += 1) {
      while (at >= this.frames.length) {
        if (this.ws.readyState === WebSocket.CLOSED) {
          throw new Error(
            `closed before the frame came; there were ${JSON.stringify(this.frames)}`,
          );
        }
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      }
      const frame = this.frames[at];
      if (frame !== undefined && fits(frame)) return frame;
    }
  }

  /** Sends a command and waits for the `ACK` or `ERROR` that answers it. */
  async ask(type: string, payload?: unknown): Promise<Frame> {
    const id = `ask-${String(this.frames.length)}-${type}`;
    const from = this.frames.length;
    this.send(type, payload, id);
    return this.frame((frame) => frame.id === id, from);
  }

  /** Leaves the room. */
  async leave(): Promise<void> {
    this.ws.close(1000);
    await this.closed;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
