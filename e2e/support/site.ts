import { Backing } from './backing.mjs';
import { Server } from './server.mjs';

/** One server alone, or several nodes with a database and a broker in common. */
export class Site {
  readonly nodes: readonly Server[];
  readonly #backing: Backing | undefined;

  private constructor(nodes: readonly Server[], backing: Backing | undefined) {
    this.nodes = nodes;
    this.#backing = backing;
  }

  /** Starts so many nodes; one alone needs neither PostgreSQL nor Redis. */
  static async start(count: number): Promise<Site> {
    if (count === 1) return new Site([await Server.start()], undefined);
    const backing = await Backing.start();
    const nodes: Server[] = [];
    // The first one makes the tables.
    for (let n = 0; n < count; n += 1) nodes.push(await Server.start({ env: backing.env }));
    return new Site(nodes, backing);
  }

  /** The node that the `n`th client comes to: each goes to another, as far as there are some. */
  node(n: number): Server {
    const node = this.nodes[n % this.nodes.length];
    if (node === undefined) throw new Error('a site has a node');
    return node;
  }

  /** The address of the node that the `n`th client comes to. */
  url(n: number): string {
    return this.node(n).url;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node[Symbol.asyncDispose]()));
    await this.#backing?.[Symbol.asyncDispose]();
  }
}
