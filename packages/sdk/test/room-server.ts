import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';

export interface Heard {
  type: string;
  payload?: Record<string, unknown>;
  id?: number;
}

/**
 * A server of the room protocol on a real socket whose answers a test chooses: for what a client
 * does when they are late, wrong or missing.
 */
export class RoomServer {
  readonly #server: WebSocketServer;
  readonly heard: Heard[] = [];
  readonly tickets: (string | null)[] = [];
  readonly paths: string[] = [];
  sockets: WebSocket[] = [];
  /** Answers a frame. */
  answer: (socket: WebSocket, frame: Heard) => void = () => {};
  /** Called with each new connection. */
  entered: (socket: WebSocket) => void = () => {};
  #waiting: (() => void)[] = [];

  private constructor(server: WebSocketServer) {
    this.#server = server;
    server.on('connection', (socket, request) => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://x');
      this.paths.push(pathname);
      this.tickets.push(searchParams.get('authToken'));
      this.sockets.push(socket);
      socket.on('close', () => {
        this.sockets = this.sockets.filter((one) => one !== socket);
        this.#changed();
      });
      socket.on('message', (data: Buffer) => {
        const frame = JSON.parse(data.toString()) as Heard;
        this.heard.push(frame);
        this.answer(socket, frame);
        this.#changed();
      });
      this.entered(socket);
      this.#changed();
    });
  }

  static async listen(): Promise<RoomServer> {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    await once(server, 'listening');
    return new RoomServer(server);
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** The one connection there is. */
  get socket(): WebSocket {
    const [socket] = this.sockets;
    if (!socket) throw new Error('Nobody is connected');
    return socket;
  }

  tell(frame: object): void {
    for (const socket of this.sockets) socket.send(JSON.stringify(frame));
  }

  /** Resolves once what was heard and who is there satisfies the condition. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  types(type: string): Heard[] {
    return this.heard.filter((frame) => frame.type === type);
  }

  close(): void {
    for (const socket of this.#server.clients) socket.terminate();
    this.#server.close();
  }

  #changed(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

/** A whole room as the server would send it, with some of it chosen. */
export function roomState(part: object = {}): object {
  return {
    type: 'SYNC_FULL_STATE',
    payload: {
      roomId: 'r',
      name: 'Film night',
      isPublic: false,
      maxParticipants: null,
      control: 'everyone',
      wait: 'all',
      entry: 'open',
      hasPassword: false,
      joinCode: 'ABC234',
      hostId: 'ada',
      ownerId: null,
      createdAt: '2026-01-01T00:00:00.000Z',
      members: [],
      memberDetails: [],
      memberCount: 0,
      playbackState: null,
      epoch: 'e1',
      seq: 0,
      queue: [],
      chat: [],
      serverTime: 0,
      ...part,
    },
  };
}

/** A chat message as the server would tell it. */
export function chatMessage(id: number, clientId?: string): object {
  const sentAt = '2026-01-01T00:00:00.000Z';
  return { id: String(id), userId: 'ada', displayName: 'Ada', text: `t${id}`, sentAt, clientId };
}
