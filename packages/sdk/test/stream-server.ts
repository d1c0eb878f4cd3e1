import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A reader of the stream, as the server sees it. */
export interface Reader {
  /** Where the reader says it stands; `null` if it does not say. */
  since: string | null;
  /** What it proves itself with. */
  authorization: string | undefined;
  /** Sends a piece of text as it is. */
  write(text: string): void;
  /** Cuts it off. */
  cut(): void;
}

/**
 * A server of a room's stream on a real socket whose answers a test chooses: for what a reader does
 * when it is cut off, refused or told odd things.
 */
export class StreamServer {
  readonly #server: Server;
  readonly readers: Reader[] = [];
  /** Readers that are there just now. */
  present = 0;
  /** Refuses the next readers, in this order. */
  refusals: { status: number; body: object; retryAfter?: string }[] = [];
  #waiting: (() => void)[] = [];

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const { searchParams } = new URL(request.url ?? '/', 'http://x');
      const refusal = this.refusals.shift();
      const { authorization } = request.headers;
      this.readers.push({
        since: searchParams.get(`last_ack_${searchParams.get('channel') ?? ''}`),
        authorization,
        write: (text) => void response.write(text),
        cut: () => response.destroy(),
      });
      if (refusal) {
        const wait = refusal.retryAfter === undefined ? {} : { 'retry-after': refusal.retryAfter };
        response.writeHead(refusal.status, { 'content-type': 'application/json', ...wait });
        response.end(JSON.stringify(refusal.body));
        return this.#changed();
      }
      this.present += 1;
      response.on('close', () => {
        this.present -= 1;
        this.#changed();
      });
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('retry: 1000\ndata: {"type":"connected","channel":"r"}\n\n');
      this.#changed();
    });
  }

  static async listen(): Promise<StreamServer> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new StreamServer(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The reader that came last. */
  get reader(): Reader {
    const reader = this.readers.at(-1);
    if (!reader) throw new Error('Nobody reads');
    return reader;
  }

  /** Resolves once so many have come in all. */
  async came(readers: number): Promise<void> {
    await this.until(() => this.readers.length >= readers);
  }

  /** Resolves once who came and is there satisfies the condition. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #changed(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** An event as the server would tell it. */
export function said(id: string, text: string): string {
  const data = { id: '1', sender: 'Ada', text, timestamp: 0, roomId: 'r' };
  const event = { id, event: 'chat.message', channel: 'r', data };
  return `id: ${id}\ndata: ${JSON.stringify(event)}\n\n`;
}
