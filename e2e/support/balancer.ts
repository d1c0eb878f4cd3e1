import { createServer, request, type IncomingMessage, type Server as HttpServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Server } from './server.mjs';

/** A load balancer that knows nobody: each request goes to the next node. */
export class Balancer {
  /** How many requests each node got, WebSockets among them. */
  readonly requests: number[];
  readonly #nodes: Server[];
  readonly #http: HttpServer;
  readonly #sockets = new Set<Socket>();
  #next = 0;

  private constructor(nodes: Server[]) {
    this.#nodes = nodes;
    this.requests = nodes.map(() => 0);
    this.#http = createServer((asked, answer) => {
      const { method, url, headers } = asked;
      const passed = request({ host: '127.0.0.1', port: this.#turn(), method, path: url, headers });
      passed.on('response', (response) => {
        answer.writeHead(response.statusCode ?? 502, response.headers);
        response.pipe(answer);
      });
      passed.on('error', () => answer.destroy());
      answer.on('close', () => passed.destroy());
      asked.pipe(passed);
    });
    this.#http.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.#http.on('upgrade', (asked, socket, head) => {
      this.#join(asked, socket as Socket, head);
    });
  }

  /** Starts one in front of these nodes, on a free port. */
  static async start(nodes: Server[]): Promise<Balancer> {
    const balancer = new Balancer(nodes);
    await new Promise<void>((resolve) => {
      balancer.#http.listen(0, '127.0.0.1', resolve);
    });
    return balancer;
  }

  /** Where it is reached, without a slash at the end. */
  get url(): string {
    const address = this.#http.address();
    if (address === null || typeof address === 'string') throw new Error('a port has a number');
    return `http://localhost:${String(address.port)}`;
  }

  /** Ends it and every connection through it. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#http.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** Returns the port of the node whose turn it is. */
  #turn(): number {
    const at = this.#next % this.#nodes.length;
    this.#next += 1;
    this.requests[at] = (this.requests[at] ?? 0) + 1;
    return this.#nodes[at]?.port ?? 0;
  }

  /** Joins a client that wants a WebSocket to a node, byte by byte. */
  #join(asked: IncomingMessage, client: Socket, head: Buffer): void {
    const node = connect(this.#turn(), '127.0.0.1');
    const lines = [`GET ${asked.url ?? '/'} HTTP/1.1`];
    for (let at = 0; at < asked.rawHeaders.length; at += 2) {
      lines.push(`${asked.rawHeaders[at] ?? ''}: ${asked.rawHeaders[at + 1] ?? ''}`);
    }
    node.write(`${lines.join('\r\n')}\r\n\r\n`);
    node.write(head);
    client.pipe(node).pipe(client);
    for (const [one, other] of [
      [client, node],
      [node, client],
    ] as const) {
      one.on('error', () => one.destroy());
      one.on('close', () => other.destroy());
    }
  }
}
