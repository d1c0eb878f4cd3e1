import { Backing } from './backing.mjs';
import { Balancer } from './balancer.ts';
import { Server } from './server.mjs';

/** How people may come to a server. */
export const PLACES = [
  'one node',
  'three nodes, a person at each',
  'three nodes, each request at another',
] as const;
export type Place = (typeof PLACES)[number];

/** Where people come to, as many as there are. */
export class Site {
  readonly #ports: readonly number[];

  constructor(ports: readonly number[]) {
    this.#ports = ports;
  }

  /** The port that the `n`th of them comes to. */
  port(n: number): number {
    const port = this.#ports[n % this.#ports.length];
    if (port === undefined) throw new Error('a site has a port');
    return port;
  }

  /** The address of it, without a slash at the end. */
  url(n: number): string {
    return `http://localhost:${String(this.port(n))}`;
  }
}

/** A server alone, and three nodes with a database and a broker in common. */
export class Sites {
  readonly #alone: Server;
  readonly #backing: Backing;
  readonly #nodes: Server[];
  readonly #balancer: Balancer;

  private constructor(alone: Server, backing: Backing, nodes: Server[], balancer: Balancer) {
    this.#alone = alone;
    this.#backing = backing;
    this.#nodes = nodes;
    this.#balancer = balancer;
  }

  static async start(): Promise<Sites> {
    const [alone, backing] = await Promise.all([Server.start(), Backing.start()]);
    // They agree on who makes the tables.
    const start = () => Server.start({ env: backing.env });
    const nodes = await Promise.all([start(), start(), start()]);
    return new Sites(alone, backing, nodes, await Balancer.start(nodes));
  }

  at(place: Place): Site {
    switch (place) {
      case 'one node':
        return new Site([this.#alone.port]);
      case 'three nodes, a person at each':
        return new Site(this.#nodes.map((node) => node.port));
      case 'three nodes, each request at another':
        return new Site([Number(new URL(this.#balancer.url).port)]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#balancer[Symbol.asyncDispose]();
    const servers = [this.#alone, ...this.#nodes];
    await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
    await this.#backing[Symbol.asyncDispose]();
  }
}
