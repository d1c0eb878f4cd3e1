import { Inbox } from './inbox.ts';

/** An event of a room's stream as it is told. */
export interface Told<T = unknown> {
  id: string;
  event: string;
  channel: string;
  data: T;
}

/** A room's stream of events, read by `fetch`: what comes is kept by the name of its event or type. */
export class EventStream {
  readonly inbox = new Inbox();
  /** Resolves when the server ends the stream, or it is closed. */
  readonly ended: Promise<void>;
  /** The last `id:` that was read. */
  lastId = '';
  readonly #abort: AbortController;

  private constructor(body: ReadableStream<Uint8Array>, abort: AbortController) {
    this.#abort = abort;
    this.ended = this.#read(body).catch(() => {});
  }

  /** Opens a stream; one that is refused is returned as it was answered. */
  static async open(
    url: string,
    query: string,
    headers: Record<string, string>,
  ): Promise<EventStream | Response> {
    const abort = new AbortController();
    const answer = await fetch(`${url}/api/realtime?${query}`, { headers, signal: abort.signal });
    if (!answer.ok || answer.body === null) return answer;
    return new EventStream(answer.body, abort);
  }

  async close(): Promise<void> {
    this.#abort.abort();
    await this.ended;
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of body) {
      text += decoder.decode(chunk, { stream: true });
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        this.#take(text.slice(0, end));
        text = text.slice(end + 2);
      }
    }
  }

  #take(block: string): void {
    for (const line of block.split('\n')) {
      const [, field, value = ''] = /^([a-z]+): ?(.*)$/.exec(line) ?? [];
      if (field === 'id') this.lastId = value;
      if (field !== 'data') continue;
      const told = JSON.parse(value) as { event?: string; type?: string };
      this.inbox.put(told.event ?? told.type ?? '', told);
    }
  }
}
