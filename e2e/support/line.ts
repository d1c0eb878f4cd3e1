import { type Server, type Socket, connect, createServer } from 'node:net';

/** A line to a server that can be cut; what is opened anew afterwards may lead to another. */
export class Line {
  /** Where it begins, without a slash at the end. */
  readonly url: string;
  readonly #listener: Server;
  readonly #open: Set<Socket>;
  /** Where it leads; nowhere while it is broken. */
  #to: number | undefined;

  private constructor(listener: Server, open: Set<Socket>, to: number) {
    const address = listener.address();
    if (address === null || typeof address === 'string') throw new Error('a port has a number');
    this.url = `http://localhost:${String(address.port)}`;
    this.#listener = listener;
    this.#open = open;
    this.#to = to;
    listener.on('connection', (near) => {
      this.#carry(near);
    });
  }

  /** Opens a line to a port of this machine. */
  static async to(port: number): Promise<Line> {
    const listener = createServer();
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    return new Line(listener, new Set(), port);
  }

  /** Cuts whoever is on the line; nobody gets through until it is mended. */
  break(): void {
    this.#to = undefined;
    for (const socket of this.#open) socket.destroy();
  }

  /** Has whoever comes from now on get to this port. */
  mend(to: number): void {
    this.#to = to;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#listener.close(resolve));
    this.break();
    await closed;
  }

  #carry(near: Socket): void {
    if (this.#to === undefined) {
      near.destroy();
      return;
    }
    const far = connect(this.#to, '127.0.0.1');
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#open.add(one);
      one.pipe(other);
      one.once('close', () => {
        this.#open.delete(one);
        other.destroy();
      });
      // It also closes, and that is what counts.
      one.on('error', () => {});
    }
  }
}
