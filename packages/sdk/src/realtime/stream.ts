import { Emitter } from '../emitter.ts';
import { ParlorError } from '../errors.ts';
import type { Announcement } from '../protocol.ts';
import { TabShare } from '../tabs/share.ts';
import { type Heard, RealtimeConnection } from './connection.ts';

/** Events each tab keeps for others that come or fall behind; the server's window is as wide. */
const KEPT = 1_000;

/** What happens in a room, as its stream tells it. */
export interface RealtimeEvents {
  /** Something happened: each event is told once in each tab, in the room's order. */
  event: Announcement;
  /** Whether events arrive; nothing is missed while they do not. */
  connected: boolean;
  /** Events were missed that cannot be had any more: read the messages anew. */
  gap: undefined;
  /** It does not come back. With the server's refusal, or `null` if the room is gone. */
  ended: ParlorError | null;
}

/** What a stream is made of. */
export interface RealtimeStreamOptions {
  /** Names the stream among those of one browser: whose it is, and of what. */
  name: string;
  /** Asks the server; rejects with `ParlorError` if refused. */
  ask: (since: string | undefined, signal: AbortSignal) => Promise<ReadableStream<Uint8Array>>;
  /** The `id` of the last event that was seen; without one only what is new is told. */
  since?: string | undefined;
}

/** What a tab is told that has come or fallen behind. */
interface CaughtUp {
  events: Announcement[];
  /** Where the tab that holds stands after these. */
  position: string;
  connected: boolean;
  /** Whether events are missing before these. */
  gap: boolean;
}

/**
 * A room's stream of events (`GET /api/realtime`), one connection for all tabs of a browser that have
 * the same person listen to the same room.
 */
export class RealtimeStream extends Emitter<RealtimeEvents> {
  readonly #options: RealtimeStreamOptions;
  readonly #share: TabShare<Heard, { since: string | null }, CaughtUp>;
  /** Where the events stand that were told here. */
  #position: string | undefined;
  /** The latest events, by their place; a place where nothing happened has none. */
  readonly #kept = new Map<string, Announcement | null>();
  /** What was told while this tab still waits for what came before; absent if it does not. */
  #early: Heard[] | undefined;
  #isConnected = false;
  #isEnded = false;
  /** Called as soon as it is known where the events stand. */
  #placed: (() => void)[] = [];

  constructor(options: RealtimeStreamOptions) {
    super();
    this.#options = options;
    this.#position = options.since;
    if (options.since !== undefined) this.#kept.set(options.since, null);
    this.#share = new TabShare({
      name: `realtime.${options.name}`,
      hold: (tell) => this.#hold(tell),
      follow: () => void this.#follow().catch(() => undefined),
      hear: (heard) => this.#hear(heard),
      carryOut: ({ since }) => this.#tellAfter(since),
    });
  }

  /** The place of the last event that was told here: where to go on from another time. */
  get lastId(): string | undefined {
    return this.#position;
  }

  /** Whether events arrive. */
  get connected(): boolean {
    return this.#isConnected;
  }

  /** Begins to listen. */
  open(): void {
    if (!this.#isEnded) this.#share.open();
  }

  /** Ends for good in this tab; others go on. */
  close(): void {
    this.#isEnded = true;
    this.#share.close();
    this.#kept.clear();
  }

  #hold(tell: (heard: Heard) => void): () => void {
    this.#early = undefined;
    const connection = new RealtimeConnection({
      ask: this.#options.ask,
      since: () => this.#position,
      hear: tell,
    });
    return () => connection.close();
  }

  /** Comes to where the tab is that holds. */
  async #follow(): Promise<void> {
    const early: Heard[] = [];
    this.#early = early;
    const since = this.#position ?? null;
    const { events, position, connected, gap } = await this.#share.ask({ since });
    // Meanwhile another tab came to hold, or this one.
    if (this.#early !== early) return;
    this.#early = undefined;
    if (gap) this.#take({ kind: 'gap' });
    for (const event of events) this.#take({ kind: 'event', event });
    this.#take({ kind: 'position', id: position });
    this.#take({ kind: 'connected', connected });
    const upTo = early.findLastIndex((heard) => placeOf(heard) === position);
    for (const heard of early.slice(upTo + 1)) this.#take(heard);
  }

  /** Says what was told after a place; in the tab that holds. */
  async #tellAfter(since: string | null): Promise<CaughtUp> {
    if (this.#position === undefined) {
      await new Promise<void>((resolve) => this.#placed.push(resolve));
    }
    const position = this.#position ?? '';
    const connected = this.#isConnected;
    if (since === null) return { events: [], position, connected, gap: false };
    const places = [...this.#kept];
    const at = places.findIndex(([place]) => place === since);
    if (at < 0) return { events: [], position, connected, gap: true };
    const events = places.slice(at + 1).flatMap(([, event]) => event ?? []);
    return { events, position, connected, gap: false };
  }

  #hear(heard: Heard): void {
    if (this.#early && heard.kind !== 'ended') this.#early.push(heard);
    else this.#take(heard);
  }

  #take(heard: Heard): void {
    if (this.#isEnded) return;
    switch (heard.kind) {
      case 'event':
        if (this.#isNew(heard.event)) this.emit('event', heard.event);
        return;
      case 'position':
        this.#keep(heard.id, null);
        return;
      case 'connected':
        if (heard.connected === this.#isConnected) return;
        this.#isConnected = heard.connected;
        this.emit('connected', heard.connected);
        return;
      case 'gap':
        this.#kept.clear();
        this.emit('gap', undefined);
        return;
      case 'ended': {
        const { refusal } = heard;
        this.close();
        this.emit(
          'ended',
          refusal && new ParlorError(refusal.message, refusal.code, refusal.status),
        );
      }
    }
  }

  /** Notes an event; says whether it was not told here yet. */
  #isNew(event: Announcement): boolean {
    if (event.id == null) return true;
    if (this.#kept.has(event.id)) return false;
    this.#keep(event.id, event);
    return true;
  }

  #keep(place: string, event: Announcement | null): void {
    this.#position = place;
    if (!this.#kept.has(place)) this.#kept.set(place, event);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > KEPT && oldest !== undefined) this.#kept.delete(oldest);
    for (const resolve of this.#placed.splice(0)) resolve();
  }
}

function placeOf(heard: Heard): string | undefined {
  if (heard.kind === 'event') return heard.event.id ?? undefined;
  return heard.kind === 'position' ? heard.id : undefined;
}
