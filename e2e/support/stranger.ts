import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { BrowserContext, Page, Request } from 'playwright-core';
import { expect } from 'vitest';
import type { ParlorClient } from '../../packages/sdk/src/index.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SDK = `${ROOT}packages/sdk`;
const PATH = '/strangers-page/';
/** What the page's modules are called, and where they are. */
const LIBRARIES: Record<string, string> = {
  'openapi-fetch': `${ROOT}node_modules/openapi-fetch/dist/index.mjs`,
  'socket.io-client': `${ROOT}node_modules/socket.io-client/dist/socket.io.esm.min.js`,
};
const IMPORTS = {
  '@parlor/sdk': `${PATH}sdk/index.js`,
  ...Object.fromEntries(Object.keys(LIBRARIES).map((name) => [name, `${PATH}lib/${name}`])),
};
const HTML = `<!doctype html><title>A stranger's page</title>
<script type="importmap">${JSON.stringify({ imports: IMPORTS })}</script>
<script type="module">
  import * as sdk from '@parlor/sdk';
  Object.assign(window, { sdk, heard: [], told: [] });
</script>`;

/** What a stranger's page has. */
interface StrangersWindow {
  sdk: { ParlorClient: typeof ParlorClient };
  /** Texts of messages, as they were told. */
  heard: string[];
  /** What else was told. */
  told: string[];
}

/** Builds the SDK as it is published. */
export function buildSdk(): void {
  const tsc = `${ROOT}node_modules/typescript/bin/tsc`;
  execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: SDK });
}

/** Gives a browser profile a page of the server's origin that is made of nothing but the SDK. */
export async function strangersPages(context: BrowserContext): Promise<void> {
  await context.route(`**${PATH}**`, async (route) => {
    const path = new URL(route.request().url()).pathname.slice(PATH.length);
    if (path === '') return route.fulfill({ contentType: 'text/html', body: HTML });
    const library = LIBRARIES[path.replace(/^lib\//, '')];
    const file = library ?? `${SDK}/dist/${path.replace(/^sdk\//, '')}`;
    return route.fulfill({ contentType: 'text/javascript', body: await readFile(file) });
  });
}

/** Opens one in a tab, and has it listen to a room; with a token as whose it is, else by cookie. */
export async function listen(context: BrowserContext, room: string, token?: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(PATH);
  await page.waitForFunction(() => 'sdk' in window);
  await page.evaluate(
    async ({ room: channel, token: proof }) => {
      const { sdk, heard, told } = window as unknown as StrangersWindow;
      const client = new sdk.ParlorClient(proof === undefined ? {} : { token: proof });
      const stream = await client.stream(channel);
      stream.on('event', ({ event, data }) => {
        if (event === 'chat.message' && 'text' in data) heard.push(data.text);
      });
      stream.on('connected', (connected) => told.push(connected ? 'connected' : 'away'));
      stream.on('gap', () => told.push('gap'));
      stream.on('ended', (why) => told.push(`ended: ${why?.code ?? 'the room is gone'}`));
      stream.open();
    },
    { room, token },
  );
  await expect.poll(() => toldIn(page)).toContain('connected');
  return page;
}

/** Texts of messages that a page was told, in order. */
export function heardIn(page: Page): Promise<string[]> {
  return page.evaluate(() => (window as unknown as StrangersWindow).heard);
}

/** What else a page was told. */
export function toldIn(page: Page): Promise<string[]> {
  return page.evaluate(() => (window as unknown as StrangersWindow).told);
}

/** The streams of one browser profile, by its network log. */
export class Streams {
  /** How many were asked for in all. */
  asked = 0;
  readonly #open = new Map<Request, Page>();

  constructor(context: BrowserContext) {
    const isStream = (request: Request) => request.url().includes('/api/realtime?');
    const ends = (request: Request) => this.#open.delete(request);
    context.on('request', (request) => {
      if (!isStream(request)) return;
      this.asked += 1;
      this.#open.set(request, request.frame().page());
    });
    context.on('requestfinished', ends);
    context.on('requestfailed', ends);
  }

  /** The pages that have one open just now. */
  get holders(): Page[] {
    return [...this.#open.values()].filter((page) => !page.isClosed());
  }

  /** The page that has the only one. */
  get holder(): Page {
    const [holder, ...others] = this.holders;
    if (!holder || others.length > 0) throw new Error(`${this.holders.length} pages have a stream`);
    return holder;
  }
}
